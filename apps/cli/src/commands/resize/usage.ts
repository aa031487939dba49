/** How `nbd resize` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Gives a disk another size: an export whose server offers the resize extension of NBD (such as nbd serve --resizable), a file, a qcow2 image, or a disk in a store. What is added reads as zeroes.',
    'To make it shorter destroys what lies behind the new end. It asks first, when it is run at a terminal; elsewhere it needs --yes. File systems and partitions on the disk have to be made smaller before, and larger afterwards; that is not done here.',
  ],
  examples: [
    { line: 'nbd resize nbd://localhost/disk 20G', what: 'an export' },
    { line: 'nbd resize disk.qcow2 +10G', what: 'an image, by so much' },
    { line: 'nbd resize --yes folder:/srv/disks#web 8G', what: 'shorter, in a script' },
  ],
  exitCodes: { 1: 'failed, or the answer to the question was no' },
};
