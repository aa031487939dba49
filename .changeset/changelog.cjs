/** How changesets become changelogs: each with a link to its commit; and one line for the new versions that a package uses. */
const repository = 'https://github.com/nbdjs/nbdjs';

module.exports = {
  async getReleaseLine({ summary, commit }) {
    const text = summary.trim().replaceAll(/\n(?=.)/g, '\n  ');
    return commit ? `- ${text} ([${commit.slice(0, 7)}](${repository}/commit/${commit}))` : `- ${text}`;
  },

  async getDependencyReleaseLine(_changesets, dependencies) {
    const used = dependencies.map(({ name, newVersion }) => `${name} ${newVersion}`);
    return used.length === 0 ? '' : `- Uses ${used.join(', ')}.`;
  },
};
