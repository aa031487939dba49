/**
 * Moving data between block devices: sparse, parallel, exact about errors. Depends neither on NBD nor on files.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { applyChanges } from './changes/apply-changes.ts';
export { isChanges } from './changes/changes-decoder.ts';
export {
  type ApplyChangesOptions,
  applyChangesOptions,
  type WriteChangesOptions,
  writeChangesOptions,
} from './changes/changes-options.ts';
export { compareChanges } from './changes/compare-changes.ts';
export { CopyState, type HeldBackup } from './changes/copy-state.ts';
export type { ChangedData, ChangedZeroes, ChangesEnd, ChangesEntry, ChangesStart } from './changes/entry.ts';
export { type CheckedChanges, checkChanges, readChanges } from './changes/read-changes.ts';
export { type ChangesOrigin, writeChanges } from './changes/write-changes.ts';
export type { CheckpointOptions } from './checkpoint/checkpoints.ts';
export { type CheckpointSide, CopyCheckpoint, hasCheckpoint } from './checkpoint/copy-checkpoint.ts';
export { compareAllocation } from './comparison/compare-allocation.ts';
export { compareDevices } from './comparison/compare-devices.ts';
export type { DifferingRange } from './comparison/differences.ts';
export { copyDevice, type DeviceHandles } from './copy-device.ts';
export { type BlockHashOptions, hashBlocks } from './hashing/hash-blocks.ts';
export { hashDevice } from './hashing/hash-device.ts';
export type { HashReport, StreamingHash } from './hashing/streaming-hash.ts';
export { type CompareOptions, type CopyOptions, copyOptions, type ReadingOptions } from './options.ts';
export type { CompareReport, CopyProgress, CopyReport, MapFailure } from './report.ts';
export { copyFromStream } from './streams/copy-from-stream.ts';
export { copyToStream, type StreamSink } from './streams/copy-to-stream.ts';
export {
  type CopyThread,
  copyInThreads,
  copyShare,
  type ThreadedCopyOptions,
  threadedCopyOptions,
} from './threads/copy-in-threads.ts';
export type { CopyShare } from './threads/shared-work.ts';
