/** nbdfuse(1) beside `nbd mount`. */
import { helpRow, versionRow } from './general-rows.ts';
import type { PeerTool } from './peer-tool.ts';

export const nbdfuse: PeerTool = {
  name: 'nbdfuse',
  purpose: 'Makes an export a file, by FUSE.',
  debianPackage: 'libnbd-bin',
  versions: '1.14.2 and 1.22.2',
  ours: ['nbd mount'],
  listings: [['--long-options'], ['--short-options'], ['--help']],
  // Of fusermount3.
  notOptions: ['-u'],
  options: [
    {
      option: '--connections=N',
      aliases: ['-C'],
      meaning: 'connections to a server that allows several',
      verdict: 'same',
      ours: 'nbd mount -C N, --connections N',
      why: 'up to 64',
    },
    {
      option: '-o FUSE-OPTION',
      meaning: 'an option of libfuse',
      verdict: 'left out',
      why: 'there is no libfuse below ours; for `-o allow_other` there is `--allow-other`',
    },
    {
      option: '--fuse-help',
      meaning: 'list the options of libfuse',
      verdict: 'left out',
      why: 'there is no libfuse below ours',
    },
    {
      option: '--pidfile=PATH',
      aliases: ['-P', '--pid-file'],
      meaning: 'write the process id there when the file is there',
      verdict: 'same',
      ours: 'nbd mount -P PATH, --pid-file PATH, --pidfile PATH',
    },
    {
      option: '--readonly',
      aliases: ['-r', '--read-only'],
      meaning: 'refuse to write',
      verdict: 'same',
      ours: 'nbd mount -r, --read-only, --readonly',
    },
    {
      option: '-s',
      meaning: 'one thread for FUSE',
      verdict: 'left out',
      why: 'ours is always one thread, with many requests in flight',
    },
    {
      option: '--verbose',
      aliases: ['-v', '-d'],
      meaning: 'print each request',
      verdict: 'left out',
      why: '[`nbd proxy`](commands/nbd-proxy.md) in front of the server prints each message, decoded; our `-v` prints the causes of errors',
    },
    {
      option: '--command CMD ARGS',
      meaning: 'a server that talks on its standard input and output',
      verdict: 'left out',
      why: 'it was made for `nbdkit -s`; as `[ nbdkit ... ]`, by socket activation, the same server is started',
    },
    {
      option: '--fd N',
      meaning: 'a connected socket that was inherited',
      verdict: 'left out',
      why: 'a connection that ends could not be made again; give the URI of the server',
    },
    {
      option: '--tcp HOST PORT',
      meaning: 'a server by host and port',
      verdict: 'better',
      ours: 'nbd mount nbd://HOST:PORT',
      why: 'the URI has the name of the export, too, and TLS as `nbds://`',
    },
    {
      option: '--unix SOCKET',
      meaning: 'a server by its socket',
      verdict: 'better',
      ours: 'nbd mount nbd+unix:///?socket=SOCKET',
      why: 'the URI has the name of the export, too',
    },
    {
      option: '--vsock CID PORT',
      meaning: 'a server on the other side of a virtual machine',
      verdict: 'left out',
      why: 'Node has no vsock; `socat UNIX-LISTEN:SOCKET VSOCK-CONNECT:CID:PORT` in between does it',
    },
    helpRow('nbd mount'),
    versionRow,
  ],
  manners: [
    {
      option: 'MOUNTPOINT',
      meaning: 'an empty directory: the file in it is called `nbd`',
      verdict: 'better',
      ours: 'nbd mount DISK DIR',
      why: 'the disk comes first, as in mount(8). It can be mounted over a plain file, too, and `--partitions` makes a file of each partition',
    },
    {
      option: 'MOUNTPOINT/FILENAME',
      meaning: 'the same with another name',
      verdict: 'better',
      ours: 'nbd mount DISK DIR/NAME',
      why: 'the disk comes first, as in mount(8), and `cp --sparse=auto` finds the holes of the file (SEEK_HOLE)',
    },
    {
      option: 'fusermount3 -u MOUNTPOINT',
      meaning: 'ends it',
      verdict: 'better',
      ours: 'nbd mount',
      why: 'ours also ends by Ctrl-C or SIGTERM, and leaves no dead mount when it is killed; `-- COMMAND` mounts for the time of a command',
    },
  ],
};
