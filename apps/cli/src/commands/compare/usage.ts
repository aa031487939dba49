/** How `nbd compare` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Says whether two sides have the same content, in the words of qemu-img compare and with its exit codes. What both sides report as zeroes is not read. If one side is longer, the rest of it has to be zeroes.',
  ],
  examples: [
    { line: 'nbd compare nbd://localhost/disk disk.qcow2', what: 'a server and an image' },
    { line: 'nbd compare --all --json nbd://a/disk nbd://b/disk', what: 'all parts that differ, for a program' },
  ],
  exitCodes: {
    0: 'identical',
    1: 'different',
    2: 'a side cannot be opened, or the command line is wrong',
    3: 'a block map cannot be read (-s)',
    4: 'a side cannot be read',
  },
};
