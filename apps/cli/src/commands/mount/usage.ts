/** How `nbd mount` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Makes a server, a disk image or a block device a file of Linux, through FUSE: other programs read and write it, with holes in both directions. It needs the package fuse3.',
    'The mount stays until Ctrl-C, fusermount3 -u, or the end of the command that follows --, and what was written is flushed at the end. However the program ends, no dead mount is left.',
    'The file keeps its size. Programs that truncate a file before they write to it, as cp does, are refused: dd conv=notrunc does not.',
  ],
  examples: [
    { line: 'nbd mount nbd://storage.example/disk /mnt/disk', what: 'the file is /mnt/disk/nbd' },
    { line: 'nbd mount disk.qcow2 disk.raw --read-only', what: 'over a plain file' },
    { line: 'nbd mount --partitions nbd://localhost /mnt/disk', what: 'disk, p1, p2, ...' },
    {
      line: 'nbd mount --partition 1 nbd://localhost /mnt/disk -- e2fsck -fn /mnt/disk/nbd',
      what: 'run a command, and unmount when it ends',
    },
  ],
  exitCodes: { 0: 'done; with a command, its exit code', 1: 'failed, or the mount ended by an error' },
};
