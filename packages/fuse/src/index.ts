/**
 * A block device as a file of Linux, through FUSE: other programs read and write it as they do with any file.
 *
 * @packageDocumentation
 */
export type * from '@nbdjs/interfaces';
export type { MountedFile } from './files/mounted-file.ts';
export {
  type Mount,
  type MountOptions,
  mountDevice,
  mountDevices,
  mountOptions,
  type UnmountOptions,
} from './mounting/mount.ts';
