/**
 * Block devices: memory, files and block devices of the system, and one that swallows everything. Knows no NBD.
 *
 * @packageDocumentation
 */
export { type FileDevice, type FileDeviceOptions, openFileDevice } from './file-device.ts';
export { createOverlayLayer, type OverlayOptions } from './layers/overlay.ts';
export { createReadOnlyLayer } from './layers/read-only.ts';
export { createSliceLayer, type SliceOptions } from './layers/slice.ts';
export { createMemoryDevice, type MemoryDeviceOptions } from './memory-device.ts';
export { createNullDevice } from './null-device.ts';
