/**
 * A device over a file of the origin private file system (OPFS) of a browser: for reading and writing in a dedicated worker, for
 * reading in a page.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export type { BlobLike, BlobSlice } from '../blob/blob-like.ts';
export type { FileHandle, SyncAccessHandle } from './handles.ts';
export { type OpfsDeviceOptions, openOpfsDevice } from './opfs-device.ts';
