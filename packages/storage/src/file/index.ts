/**
 * Files and block devices of the system, in Node.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { createCheckpointFile } from './checkpoint-file.ts';
export { openFileDevice } from './file-device.ts';
export type { FileDeviceOptions } from './file-opening.ts';
export type { FileDevice } from './open-file.ts';
