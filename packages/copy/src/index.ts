/**
 * Moving data between block devices: sparse, parallel, exact about errors. Knows neither NBD nor files.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export type { CheckpointOptions } from './checkpoints.ts';
export { compareDevices } from './compare-devices.ts';
export { type CheckpointSide, CopyCheckpoint, hasCheckpoint } from './copy-checkpoint.ts';
export { copyDevice, type DeviceHandles } from './copy-device.ts';
export { copyFromStream, copyToStream, type StreamSink } from './copy-stream.ts';
export type { CompareOptions, CompareReport, CopyOptions, CopyProgress, CopyReport, MapFailure } from './options.ts';
