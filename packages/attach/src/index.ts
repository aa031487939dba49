/**
 * A block device as `/dev/nbdN` of the Linux kernel. The kernel's requests come over pairs of sockets to sessions of `@nbdjs/server`, so any
 * `BlockDevice` can be attached: a client that reconnects, an image, an object store, layers.
 *
 * @packageDocumentation
 */

export * from '@nbdjs/interfaces';
export { attachDevice } from './attach-device.ts';
export { type AttachOptions, attachOptions } from './attach-options.ts';
export {
  type AttachedDevice,
  type DetachDeviceOptions,
  detachDevice,
  findAttachedDevice,
  listAttachedDevices,
} from './attached-devices.ts';
export type { Attachment } from './attachment.ts';
export type { DetachOptions } from './detach-options.ts';
export type { KernelInterface } from './kernel/kernel.ts';
