/**
 * Whether changes of the packages come with what a release needs. What users get has changed: then there is a changeset, unless the change
 * is a release itself, which consumes them and gives new versions. And the scripts of the command line include other packages of ours
 * (ADR 0030), so a release of one of them has to be one of the command line, too.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { root } from './pnpm.mjs';

const cli = '@nbdjs/cli';
const folder = `${root}.changeset`;
const { baseBranch } = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8'));
const changesets = readdirSync(folder).filter((file) => file.endsWith('.md') && file !== 'README.md');
const names = changesets.flatMap((file) => packagesIn(readFileSync(`${folder}/${file}`, 'utf8')));

const problem = changesets.length > 0 ? (unreadable() ?? withoutCommandLine()) : withoutChangeset();
if (problem !== undefined) {
  process.stdout.write(`${problem}\n`);
  process.exitCode = 1;
}

/** The names in the head of a changeset. */
function packagesIn(text) {
  const [, head = ''] = text.split(/^---$/m);
  return [...head.matchAll(/^["']?(@nbdjs\/[^"':]+)["']?:/gm)].map(([, name]) => name);
}

/** Names of packages that there are not, kinds of change that there are not. */
function unreadable() {
  const tool = `${root}node_modules/@changesets/cli/bin.js`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [tool, 'status'], { cwd: root, encoding: 'utf8' });
  return status === 0 ? undefined : `${stdout}${stderr}`;
}

function withoutCommandLine() {
  if (names.length === 0 || names.includes(cli)) return undefined;
  return `a changeset names ${names[0]}, which ${cli} includes, and none names ${cli}`;
}

/** No changeset is there: then each package that has changed since the base has a new version. */
function withoutChangeset() {
  const changed = git('diff', '--name-only', `${baseBranch}...HEAD`, '--', 'packages', 'apps')
    .split('\n')
    .filter((file) => /^(packages|apps)\/[^/]+\/(src\/.*(?<!\.test)\.ts|README\.md|package\.json)$/.test(file))
    .map((file) => file.split('/', 2).join('/'));
  const unreleased = [...new Set(changed)].filter((path) => {
    const manifest = `${path}/package.json`;
    const before = git('show', `${baseBranch}:${manifest}`);
    if (before === '' || !existsSync(`${root}${manifest}`)) return false;
    return JSON.parse(before).version === JSON.parse(readFileSync(`${root}${manifest}`, 'utf8')).version;
  });
  return unreleased.length === 0
    ? undefined
    : `there is no changeset, but ${unreleased.join(', ')} changed (pnpm changeset)`;
}

/** What git prints; nothing where it fails, as for a file that is not there. */
function git(...args) {
  return spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout ?? '';
}
