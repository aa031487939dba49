/**
 * Devices in memory, memory that threads share, and a device that discards everything. Runs in Node, in pages and in Web Workers.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { createNullDevice, type NullDeviceOptions } from '../null-device.ts';
export { createMemoryDevice, type MemoryDeviceOptions } from './memory-device.ts';
export {
  createSharedMemory,
  type SharedMemory,
  type SharedMemoryOptions,
  sharedMemoryBytesMax,
} from './shared-memory.ts';
export { createSharedMemoryDevice, type SharedMemoryDeviceOptions } from './shared-memory-device.ts';
