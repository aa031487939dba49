/** How `nbd objects` and its commands are used. */
import type { Usage } from '../../options/usage.ts';

export const family: Usage = {
  details: [
    'A store is a folder or a bucket of an S3-compatible service, and has any number of disks. A disk is cut into objects of one size; what was never written is not there. Each of the commands below has a help of its own.',
  ],
  examples: [{ line: 'nbd objects create folder:/srv/store#disk 10G', what: 'a disk in a folder' }],
};

export const create: Usage = {
  details: ['Makes a disk that reads as zeroes. It takes no space before it is written.'],
  examples: [
    { line: 'nbd objects create folder:/srv/store#disk 10G', what: 'in a folder' },
    { line: 'nbd objects create s3://bucket/disk 1T', what: 'in a bucket' },
  ],
};

export const list: Usage = {
  details: ['Prints the disks of a store, one in a line.'],
  examples: [{ line: 'nbd objects list s3://bucket', what: 'all disks' }],
};

export const info: Usage = {
  details: ['Prints size, writer and snapshots of a disk, and how much of it is stored.'],
  examples: [{ line: 'nbd objects info folder:/srv/store#disk', what: 'one disk' }],
};

export const snapshot: Usage = {
  details: ['Keeps the state of a disk that was flushed last. It takes no space before the disk is written again.'],
  examples: [{ line: 'nbd objects snapshot folder:/srv/store#disk@monday', what: 'keep it' }],
};

export const clone: Usage = {
  details: ['Makes a disk of a snapshot. Both share their objects until one is written.'],
  examples: [
    { line: 'nbd objects clone folder:/srv/store#disk@monday copy', what: 'a disk that begins as the snapshot' },
  ],
};

export const deletion: Usage = {
  details: [
    'Deletes a disk with its snapshots, or one snapshot. Objects that others share stay; nbd objects gc removes what no disk needs.',
  ],
  examples: [{ line: 'nbd objects delete folder:/srv/store#disk@monday', what: 'one snapshot' }],
};

export const resize: Usage = {
  details: ['Gives a disk another size. It must not be served meanwhile.'],
  examples: [{ line: 'nbd objects resize folder:/srv/store#disk 20G', what: 'make it longer' }],
};

export const gc: Usage = {
  details: ['Removes objects that no disk and no snapshot names. Objects that a writer may be about to name are kept.'],
  examples: [
    { line: 'nbd objects gc --dry-run s3://bucket', what: 'how much would go' },
    { line: 'nbd objects gc s3://bucket --yes', what: 'in a script' },
  ],
};

export const fsck: Usage = {
  details: [
    'Looks whether all objects that disks and snapshots name are there, with --data also whether they are what was stored.',
  ],
  examples: [{ line: 'nbd objects fsck --data folder:/srv/store', what: 'read everything' }],
  exitCodes: { 0: 'nothing is wrong', 1: 'it could not be checked', 2: 'bytes are lost', 3: 'only space is lost' },
};
