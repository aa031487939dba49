/** How `nbd commit` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Writes all that a qcow2 image has of its disk into the image that it was made over, as qemu-img commit does. The image below becomes longer where it is shorter, and keeps its end where it is longer. Other images over it read something else afterwards.',
    'The image is emptied when all is on stable storage below. A commit that was interrupted can be repeated.',
  ],
  examples: [
    { line: 'nbd commit overlay.qcow2', what: 'into the image right below' },
    { line: 'nbd commit --base base.raw overlay.qcow2', what: 'into one further below' },
  ],
};
