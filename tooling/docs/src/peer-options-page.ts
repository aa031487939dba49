/** `docs/options-of-others.md`: each option of other programs for NBD beside ours. */
import { markdownTable } from './markdown-table.ts';
import { type PeerOption, type PeerTool, peerTools, spellingsOf, titleOf } from './peer-options/all.ts';
import type { TextFile } from './repository.ts';

const head = `# Options of others, and ours

Every option of the programs that people use with NBD, beside what \`nbd\` has for it. Look up the program that you come from:
`;

const verdicts = `
| verdict | what it means |
| --- | --- |
| same | It does the same: tests run both programs, and compare output, exit code and effect (of [libnbd](../apps/cli/test/same-as-libnbd.peers.test.ts), [qemu-nbd](../apps/cli/test/same-as-qemu-nbd.peers.test.ts), [qemu-img](../apps/cli/test/same-as-qemu-img.peers.test.ts) and, as far as servers see it, [nbd-client](../apps/cli/test/same-as-nbd-client.peers.test.ts)). |
| same by its manual | The same, as far as its manual goes; it is newer than the releases of Debian that the tests have, so no test runs it. |
| better | We have it, and it does more, or does it in a better way. |
| left out | We do not have it, and why; often there is another way. |

A release such as (1.22) is the first that has the option, where an older one was compared as well. Another test asks each program for
its options, and fails when one has no row here. Which programs can do what, feature by feature, is in [compare.md](compare.md).
`;

/** The page, from the tables of the tools. */
export function peerOptionsPage(): TextFile {
  const list = peerTools.map(
    (tool) =>
      `[${titleOf(tool)}](#${titleOf(tool).replaceAll(' ', '-')}) (${tool.ours.join(', ') || 'no command of ours'})`,
  );
  const text = [head, `${list.join(' · ')}\n`, verdicts, ...peerTools.map(section)]
    .join('\n')
    .replaceAll('\n\n\n', '\n\n');
  return { path: 'docs/options-of-others.md', text };
}

function section(tool: PeerTool): string {
  const { purpose, debianPackage, versions, since, ours, options, manners } = tool;
  const counterpart = ours.length === 0 ? 'We have no such command.' : `Ours: ${ours.map(commandLink).join(', ')}.`;
  const origin = `with Debian's package \`${debianPackage}\`${since === undefined ? '' : `, from release ${since} on`}`;
  const parts = [
    `## ${titleOf(tool)}`,
    `${purpose} ${counterpart} Compared: ${versions}; it comes ${origin}.`,
    table('option', options),
  ];
  if (manners !== undefined) parts.push(table('operand or manner', manners));
  return `\n${parts.join('\n\n')}\n`;
}

function table(first: string, rows: readonly PeerOption[]): string {
  return markdownTable([first, 'what it does', 'ours', 'verdict'], rows.map(cells));
}

function cells(row: PeerOption): readonly string[] {
  const { option, aliases = [], meaning, since, verdict, why } = row;
  const names = [option, ...aliases]
    .map((name) => (!name.startsWith('-') && / [a-z]/.test(name) ? name : code(name)))
    .join(', ');
  return [
    since === undefined ? names : `${names} (${since})`,
    meaning,
    oursCell(row),
    why === undefined ? verdict : `${verdict}: ${why}`,
  ];
}

/** Where there are many spellings, and ours are theirs, the first one stands for all. */
function oursCell(row: PeerOption): string {
  const parts = row.ours?.split(', ') ?? [];
  const [first = '', ...others] = parts;
  const flags = parts.map((part) => part.replace(/^nbd .*? (?=-)/, '').replace(/[[= ].*/, '')).sort();
  const isTheirs = flags.join() === [...spellingsOf(row)].sort().join();
  return others.length > 1 && isTheirs ? `${code(first)} and so on` : parts.map(code).join(', ');
}

function code(text: string): string {
  return `\`${text}\``;
}

/** `nbd copy` as a link to its page. */
function commandLink(command: string): string {
  return `[${command}](commands/${command.replaceAll(' ', '-')}.md)`;
}
