/**
 * Block devices: memory, files and block devices of the system, and one that discards everything; and layers over devices. It does not
 * depend on NBD.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { defineDevice } from './defined/define-device.ts';
export type { DefinedExtent, DeviceDefinition } from './defined/device-definition.ts';
export { createCheckpointFile } from './file/checkpoint-file.ts';
export { openFileDevice } from './file/file-device.ts';
export type { FileDeviceOptions } from './file/file-opening.ts';
export type { FileDevice } from './file/open-file.ts';
export { createAllocationDepthLayer } from './layers/allocation-depth.ts';
export type { LayerCall } from './layers/around.ts';
export { type BlockSizeOptions, createBlockSizeLayer } from './layers/block-size.ts';
export { createDelayLayer, type DelayOptions } from './layers/delay.ts';
export { createFaultLayer, type FaultOptions } from './layers/fault.ts';
export { createLogLayer, type LogEntry, type LogOptions } from './layers/log.ts';
export { createOverlayLayer, type OverlayOptions } from './layers/overlay.ts';
export { createRateLayer, type RateOptions } from './layers/rate.ts';
export { createReadOnlyLayer } from './layers/read-only.ts';
export { createRetryLayer, type RetryOptions } from './layers/retry.ts';
export { createSliceLayer, type SliceOptions } from './layers/slice.ts';
export { createMemoryDevice, type MemoryDeviceOptions } from './memory/memory-device.ts';
export {
  createSharedMemory,
  type SharedMemory,
  type SharedMemoryOptions,
  sharedMemoryBytesMax,
} from './memory/shared-memory.ts';
export { createSharedMemoryDevice, type SharedMemoryDeviceOptions } from './memory/shared-memory-device.ts';
export { createNullDevice, type NullDeviceOptions } from './null-device.ts';
