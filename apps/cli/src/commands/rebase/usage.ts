/** How `nbd rebase` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Puts a qcow2 image over another image, as qemu-img rebase does. Its content stays the same: what it has read from below, and would not read from the new image, is written into it first. A rebase that was interrupted can be repeated.',
    'With --unsafe, nothing is compared and no image below is opened: the content changes where the two images below are not the same.',
  ],
  examples: [
    { line: 'nbd rebase --backing base2.qcow2 overlay.qcow2', what: 'over another image, with the same content' },
    { line: "nbd rebase --backing '' overlay.qcow2", what: 'over none: the image has everything itself' },
    { line: 'nbd rebase --unsafe --backing moved/base.qcow2 overlay.qcow2', what: 'the image below was moved' },
  ],
};
