/** How `nbd copy` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Copies a disk between servers, files, block devices, disk images and stores of objects. Holes and zeroes are found by the block map, and are not read; where the destination can, they become holes there as well. Requests go over several connections, as many at a time and as long as the link asks for.',
    'A destination on a server has to be as long as the source, or longer. A file is created, or cut to the length of the source.',
    'Interrupted by Ctrl-C, it says how much was copied. With --checkpoint, the same command goes on from there.',
  ],
  examples: [
    { line: 'nbd copy nbd://localhost/disk disk.img', what: 'into a file' },
    { line: 'nbd copy disk.img nbd://localhost/disk', what: 'and back' },
    { line: 'nbd copy --compress zstd nbd://localhost/disk full.qcow2', what: 'into a compressed image' },
    { line: 'nbd copy disk.img [ qemu-nbd -f qcow2 disk.qcow2 ]', what: 'to a server that is started for it' },
    {
      line: 'nbd copy --changed qemu:dirty-bitmap:monday nbd://localhost/disk disk.img',
      what: 'only what the bitmap marks',
    },
    {
      line: 'nbd copy --changed qemu:dirty-bitmap:monday nbd://localhost/disk monday.changes',
      what: 'the same, kept in a file',
    },
    { line: 'nbd copy --apply monday.changes disk.img', what: 'and put onto an earlier copy' },
    { line: 'nbd copy nbd://localhost/disk - | gzip > disk.gz', what: 'to another program' },
    { line: 'nbd copy --progress=json nbd://localhost/disk null:', what: 'measure how fast it can be read' },
  ],
  exitCodes: { 1: 'failed, or the sides differ (--verify); one line on standard error says what' },
};
