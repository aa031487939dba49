/** A read-only device over a `Blob`, such as a `File` that was picked or dropped in a page. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, describeValue, type OptionsOf, option } from '@nbdjs/kit';
import { defineDevice } from '../defined/define-device.ts';
import type { BlobLike } from './blob-like.ts';
import { SliceReader } from './slice-reader.ts';

export const blobDeviceOptions = defineOptions({
  /** Slices of at most 1 MiB that are read at a time; the others wait. @default 8 */
  slicesMax: option.count({ default: 8, doc: 'Slices of at most 1 MiB that are read at a time; the others wait.' }),
});

/** How a blob is read. */
export interface BlobDeviceOptions extends OptionsOf<typeof blobDeviceOptions> {}

/**
 * Makes a read-only device of a `Blob` or a `File`. Only what is read is loaded, straight from where the browser keeps it. Everything counts
 * as data: a blob does not say where it has holes.
 *
 * A read fails with `CommandError` `EIO` when the bytes cannot be had, as when the file on disk was changed after it was picked.
 * Closing waits for reads that are under way.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for what is no blob, and for an option that is unknown or wrong.
 */
export function createBlobDevice(blob: BlobLike, options: BlobDeviceOptions = {}): BlockDevice {
  const { slicesMax } = blobDeviceOptions.resolve('createBlobDevice', options);
  if (!isBlob(blob)) {
    const message = `createBlobDevice: the blob is ${describeValue(blob)}, expected a Blob or a File`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const reader = new SliceReader(blob, slicesMax);
  return defineDevice({
    size: blob.size,
    read: (offset, target, { signal }) => reader.read(offset, target, signal),
    close: () => reader.idle(),
  });
}

function isBlob(value: unknown): boolean {
  const { size, slice } = (value ?? {}) as Partial<BlobLike>;
  return typeof size === 'number' && typeof slice === 'function';
}
