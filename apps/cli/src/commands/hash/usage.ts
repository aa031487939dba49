/** How `nbd hash` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Computes what sha256sum would of the whole disk. Holes are not read: their zeroes are known. With --block-hash it is the hash of the hashes of all blocks, which are computed in parallel, and which nbdcopy --blkhash computes as well.',
  ],
  examples: [
    { line: 'nbd hash nbd://localhost/disk', what: 'as sha256sum prints it' },
    { line: 'nbd hash --block-hash nbd://localhost/disk', what: 'quicker: what nbdcopy --blkhash prints' },
    { line: 'nbd hash -a sha512 --json disk.qcow2', what: 'another hash of a disk in an image, for a program' },
  ],
};
