/** Compares changes with a device that should hold them. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { checkDevice, createSliceLayer } from '@nbdjs/kit';
import { firstDifferenceWithin } from '../comparison/compare-devices.ts';
import { firstDifference } from '../comparison/differences.ts';
import { PaddedDevice } from '../comparison/padded-device.ts';
import { MemoryPool, readPiece } from '../memory-pool.ts';
import { type ReadingOptions, readingOptions, resolveOptions } from '../options.ts';
import { visitChanges } from './bounded-work.ts';
import type { ChangesEntry, ChangesStart } from './entry.ts';
import { changedBytesMax } from './format.ts';
import { requireSize } from './require-size.ts';

/**
 * Compares what the changes say with what a device holds there. All of them are read.
 *
 * @param entries Those of `readChanges`.
 * @returns the position of the first byte that differs, or `undefined` if none does.
 * @throws UsageError for a device of another size; errors of the entries or the device, or the signal's reason.
 */
export async function compareChanges(
  entries: AsyncIterable<ChangesEntry>,
  device: BlockDevice,
  options: ReadingOptions = {},
): Promise<bigint | undefined> {
  checkDevice('compareChanges', 'the device', device);
  const { requests, requestSize, signal, onProgress } = resolveOptions(
    readingOptions.resolve('compareChanges', options),
    [device],
  );
  const memory = new MemoryPool(changedBytesMax);
  const zeroes = new PaddedDevice(createSliceLayer(device, { offset: 0, length: 0 }), device.geometry.size);
  let differsAt: bigint | undefined;
  let doneBytes = 0n;
  const compared = (length: bigint, found: bigint | undefined): void => {
    if (found !== undefined && (differsAt === undefined || found < differsAt)) differsAt = found;
    doneBytes += length;
    onProgress?.({ doneBytes });
  };
  const visitor = {
    start: (start: ChangesStart) => requireSize(start, device),
    data: async (offset: bigint, bytes: Uint8Array) => {
      const piece = memory.piece(offset, bytes.length);
      try {
        await readPiece(device, offset, piece, 'target');
        const index = firstDifference(bytes, piece.bytes());
        compared(BigInt(bytes.length), index === -1 ? undefined : offset + BigInt(index));
      } finally {
        piece.release();
      }
    },
    zeroes: async (offset: bigint, length: bigint) => {
      const range = { start: offset, end: offset + length };
      compared(length, await firstDifferenceWithin(zeroes, device, range, signal));
    },
  };
  await visitChanges(entries, visitor, { bytesMax: requests * requestSize, signal });
  return differsAt;
}
