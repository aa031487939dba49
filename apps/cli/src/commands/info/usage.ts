/** How `nbd info` is used. */
import type { Usage } from '../../options/usage.ts';
import { featureNames } from './features.ts';

export const usage: Usage = {
  details: [
    'Connects to a server, and prints what it says of an export: size, flags, block sizes, the metadata contexts that it has, and how it was connected to. With --list it is all exports of the server. No data is read, but for --map and --content.',
    'Of a file, it is what an image says of its disk: the format, sizes, snapshots, bitmaps, partitions and the images below it. With --json it has the keys of qemu-img info.',
  ],
  examples: [
    { line: 'nbd info nbd://localhost', what: 'the default export of a server' },
    { line: 'nbd info --list --json nbd://localhost', what: 'all exports, for a program' },
    {
      line: 'nbd info --map --totals nbd+unix:///?socket=/run/nbd.sock',
      what: 'how much of it is data, holes and zeroes',
    },
    { line: 'nbd info --can trim nbd://localhost && echo yes', what: 'ask in a script' },
    { line: 'nbd info disk.qcow2', what: 'a disk image' },
  ],
  exitCodes: { 0: 'done; for --can and its other spellings: yes', 2: 'for --can and its other spellings: no' },
  notes: [
    { title: 'Features for --can (or --is, --has) and --cannot (or --isnt, --hasnt)', lines: [featureNames.join(' ')] },
  ],
};
