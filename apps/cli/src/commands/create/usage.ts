/** How `nbd create` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Creates an empty disk: a qcow2 image, or a file of zeroes that takes no space. An image with a backing file shows the content of that file until it is overwritten.',
  ],
  examples: [
    { line: 'nbd create disk.qcow2 20G', what: 'a new disk' },
    { line: 'nbd create --backing base.qcow2 overlay.qcow2', what: 'one over another' },
  ],
};
