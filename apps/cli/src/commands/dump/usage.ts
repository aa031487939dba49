/** How `nbd dump` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Prints bytes as hexadecimal digits and as text, 16 in a line, as nbddump and hexdump -C do. Lines that repeat are one star.',
  ],
  examples: [
    { line: 'nbd dump --length 512 nbd://localhost', what: 'the first sector' },
    { line: 'nbd dump --offset 1M --length 4k disk.qcow2', what: 'a part of a disk in an image' },
  ],
};
