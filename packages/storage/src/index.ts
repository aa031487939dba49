/**
 * Block devices: memory, files and block devices of the system, and one that swallows everything. Knows no NBD.
 *
 * @packageDocumentation
 */
export { type FileDevice, type FileDeviceOptions, openFileDevice } from './file-device.ts';
export { createMemoryDevice, type MemoryDeviceOptions } from './memory-device.ts';
export { createNullDevice } from './null-device.ts';
