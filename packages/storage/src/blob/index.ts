/**
 * A read-only device over a `Blob` or a `File`. Runs in pages, in Web Workers and in Node.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { type BlobDeviceOptions, createBlobDevice } from './blob-device.ts';
export type { BlobLike, BlobSlice } from './blob-like.ts';
