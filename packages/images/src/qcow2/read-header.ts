/** The header, read from the device that holds the image. */
import type { Abortable, BlockDevice } from '@nbdjs/interfaces';
import { decodeQcow2Header, type Qcow2Header, qcow2HeaderClusterBytes } from './header.ts';

/** Enough for the header of nearly every image: longer ones take a second read. */
const firstBytes = 4096n;

/**
 * Reads and decodes the header of an image. Nothing is judged but its layout.
 *
 * @throws UsageError as `decodeQcow2Header` does; and what reading throws.
 */
export async function readQcow2Header(file: BlockDevice, options: Abortable = {}): Promise<Qcow2Header> {
  const { size, minimumBlockSize } = file.geometry;
  const block = BigInt(minimumBlockSize);
  const clip = (length: bigint): number => Number(length < size ? length : size);
  const read = async (length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    await file.read(0, bytes, options);
    return bytes;
  };
  const first = await read(clip(block > firstBytes ? block : firstBytes));
  const clusterBytes = clip(BigInt(qcow2HeaderClusterBytes(first)));
  return decodeQcow2Header(clusterBytes <= first.length ? first.subarray(0, clusterBytes) : await read(clusterBytes));
}
