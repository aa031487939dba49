/** The blocks of a disk that have data, for writers of images. */
import { AllocationStatus, type BlockDevice, baseAllocation } from '@nbdjs/interfaces';
import { walkExtents } from '@nbdjs/kit';
import type { ImageFile } from './image-file.ts';

/**
 * The numbers of all blocks that are not known to be zero, ascending. Without a map of the disk, or where the map fails, these are all blocks.
 */
export async function* dataBlocks(
  disk: BlockDevice,
  blockBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<number> {
  const block = BigInt(blockBytes);
  const { size } = disk.geometry;
  if (!disk.abilities.contexts.includes(baseAllocation)) {
    for (let index = 0n; index * block < size; index++) yield Number(index);
    return;
  }
  let next = 0n;
  for await (const { offset, length, status } of walkExtents(disk, { signal, onMapFailure: () => {} })) {
    if ((Number(status) & AllocationStatus.Zero) !== 0) continue;
    const first = offset / block;
    const end = (offset + length - 1n) / block + 1n;
    for (let index = first > next ? first : next; index < end; index++) yield Number(index);
    if (end > next) next = end;
  }
}

/** Reads one block; what is behind the end of the disk is zero. */
export async function readBlock(
  disk: ImageFile,
  index: number,
  blockBytes: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(blockBytes);
  const start = index * blockBytes;
  await disk.read(start, bytes.subarray(0, Math.min(blockBytes, disk.size - start)), signal);
  return bytes;
}
