/** nbdsh(1) beside `nbd shell`. */
import { helpRow, versionRow } from './general-rows.ts';
import type { PeerTool } from './peer-tool.ts';

export const nbdsh: PeerTool = {
  name: 'nbdsh',
  purpose: 'A shell for trying out servers: in Python there, in JavaScript here.',
  debianPackage: 'python3-libnbd',
  versions: '1.14.2 and 1.22.2',
  ours: ['nbd shell'],
  listings: [['--long-options'], ['--short-options'], ['--help']],
  options: [
    {
      option: '--base-allocation',
      meaning: 'ask for the context `base:allocation` on the way in',
      verdict: 'left out',
      why: 'our client asks for it by itself, and `connect(uri, { contexts })` for others',
    },
    {
      option: '--command=CODE',
      aliases: ['-c'],
      meaning: 'run this code and end; repeatable, `-` for standard input',
      verdict: 'same',
      ours: 'nbd shell -c CODE, --command CODE',
    },
    {
      option: '-n',
      meaning: 'no handle `h` is made',
      verdict: 'better',
      ours: 'nbd shell -n, --no-open',
      why: 'it goes together with `-u`: the server is there as `uri`, to be connected to with options of your own',
    },
    {
      option: '--opt-mode',
      meaning: 'stop before an export is opened',
      verdict: 'same',
      ours: 'nbd shell --opt-mode, --option-mode',
    },
    {
      option: '--uri=URI',
      aliases: ['-u'],
      meaning: 'connect to this server first',
      verdict: 'same',
      ours: 'nbd shell -u URI, --uri URI',
    },
    {
      option: '--verbose',
      aliases: ['-v'],
      meaning: 'print what the library does, call by call',
      verdict: 'left out',
      why: '[`nbd proxy`](commands/nbd-proxy.md) between the two prints each message, decoded; our `-v` prints the causes of errors',
    },
    helpRow('nbd shell', '-h'),
    versionRow,
  ],
  manners: [
    {
      option: 'code that fails',
      meaning: 'exit code 1',
      verdict: 'same',
      ours: 'nbd shell -c CODE',
    },
    {
      option: '[ CMD ARGS ]',
      meaning: 'a server that is started for it: `h.connect_systemd_socket_activation` there',
      verdict: 'better',
      ours: 'nbd shell -u [ CMD ARGS ]',
      why: 'it needs no code',
    },
  ],
};
