/** How `nbd check-image` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Checks whether the tables and refcounts of a qcow2 image are consistent, as qemu-img check does. No other program may have the image open. Repairs never change the content of the disk.',
  ],
  examples: [
    { line: 'nbd check-image disk.qcow2', what: 'what is wrong with it, if anything' },
    { line: 'nbd check-image --repair leaks disk.qcow2', what: 'give back storage that nothing uses' },
  ],
  exitCodes: {
    0: 'the image is right, after a repair if one was asked for',
    1: 'it could not be checked',
    2: 'it has corruptions',
    3: 'it has leaks, and no corruptions',
  },
};
