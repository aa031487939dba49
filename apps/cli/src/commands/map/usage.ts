/** How `nbd map` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Asks for the block map of a device, and draws it: each cell of the picture stands for a part of the device, and its colour and density say what most of that part is. Maps of a million extents need no more memory than the picture.',
    'With --list it prints what nbdinfo --map prints. Several contexts are shown side by side, such as base:allocation and a dirty bitmap.',
  ],
  examples: [
    { line: 'nbd map nbd://localhost', what: 'a picture in the terminal' },
    { line: 'nbd map --list nbd://localhost', what: 'one line for each extent' },
    { line: 'nbd map --context qemu:dirty-bitmap:monday nbd://localhost', what: 'what has changed since Monday' },
    { line: 'nbd map --svg map.svg disk.qcow2', what: 'a picture for a page' },
    { line: 'nbd map --watch=5 nbd://localhost', what: 'what changes while somebody writes' },
  ],
};
