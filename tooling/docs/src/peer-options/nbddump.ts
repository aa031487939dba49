/** nbddump(1) beside `nbd dump`. */
import { helpRow, versionRow } from './general-rows.ts';
import type { PeerTool } from './peer-tool.ts';

export const nbddump: PeerTool = {
  name: 'nbddump',
  purpose: 'Prints the content of an export as hexadecimal digits.',
  debianPackage: 'libnbd-bin',
  versions: '1.14.2 and 1.22.2',
  ours: ['nbd dump'],
  listings: [['--long-options'], ['--short-options'], ['--help']],
  options: [
    {
      option: '--length=N',
      aliases: ['-n', '--limit'],
      meaning: 'at most N bytes',
      verdict: 'same',
      ours: 'nbd dump -n N, --length N, --limit N',
    },
    {
      option: '--offset=N',
      aliases: ['-o', '--skip'],
      meaning: 'from byte N on',
      since: '1.22',
      verdict: 'same',
      ours: 'nbd dump -o N, --offset N, --skip N',
    },
    {
      option: '--color',
      aliases: ['--colors', '--colour', '--colours'],
      meaning: 'colours even if the output is not a terminal',
      verdict: 'better',
      why: 'the lines stay as they are without colours, in ASCII, so that they can be searched',
      ours: 'nbd dump --color, --colors, --colour, --colours',
    },
    {
      option: '--no-color',
      aliases: ['--no-colors', '--no-colour', '--no-colours'],
      meaning: 'no colours on a terminal',
      verdict: 'same',
      ours: 'nbd dump --no-color, --no-colors, --no-colour, --no-colours',
    },
    helpRow('nbd dump'),
    versionRow,
  ],
  manners: [
    {
      option: 'NBD-URI',
      meaning: 'the export of a server',
      verdict: 'same',
      ours: 'nbd dump URI',
    },
    {
      option: '[ CMD ARGS ]',
      meaning: 'a server that is started for it',
      verdict: 'same',
      ours: 'nbd dump [ CMD ARGS ]',
    },
    {
      option: 'lines of zeroes',
      meaning: 'the second and further ones become `*`',
      verdict: 'better',
      ours: 'nbd dump',
      why: 'the first one is shown, and a last one that is not complete; nbddump leaves them out where it finds a hole',
    },
    {
      option: 'N with a unit, as 4k',
      meaning: 'a size in kibibytes and so on',
      verdict: 'better',
      ours: 'nbd dump --length 4k',
      why: 'nbddump takes 4k for 4',
    },
  ],
};
