/** The device that holds an image, read in any range: images know nothing of the blocks of the device below. */
import type { BlockDevice, Geometry } from '@nbdjs/interfaces';
import { settleAll } from '@nbdjs/kit';
import { damagedImage } from '../image-errors.ts';

/** Reads bytes of a file: of the device itself, or with changes over it. */
export interface FileBytes {
  /** In bytes. */
  readonly size: number;
  /** Fills `target`. The range has to be inside of the file. */
  read(offset: number, target: Uint8Array, signal?: AbortSignal): void | Promise<void>;
}

/** A device, read without regard for its blocks. */
export class ImageFile implements FileBytes {
  /** What is read. */
  readonly device: BlockDevice;
  /** The unit of the device's ranges, in bytes; 1 for devices that take any range. */
  readonly blockBytes: number;
  /** The longest read or write of the device, in bytes. */
  protected readonly pieceBytes: number;
  #geometry: Geometry;
  #size: number;

  /** @throws UsageError `ERR_NBD_IMAGE` for a device of 2^53 bytes or more, whose places are not exact as numbers. */
  constructor(device: BlockDevice) {
    const { size, minimumBlockSize, maximumBlockSize } = device.geometry;
    if (size > Number.MAX_SAFE_INTEGER) {
      throw damagedImage('its size', `${size} bytes, expected fewer than 2^53`);
    }
    this.device = device;
    this.#geometry = device.geometry;
    this.#size = Number(size);
    this.blockBytes = device.takesAnyRange === true ? 1 : minimumBlockSize;
    this.pieceBytes = maximumBlockSize;
  }

  /** In bytes. It follows the device, which may be resized. */
  get size(): number {
    const { geometry } = this.device;
    if (geometry !== this.#geometry) {
      this.#geometry = geometry;
      this.#size = Number(geometry.size);
    }
    return this.#size;
  }

  /** Whether a range consists of whole blocks of the device. */
  fits(offset: number, length: number): boolean {
    const block = this.blockBytes;
    if (block === 1) return true;
    const end = offset + length;
    return offset % block === 0 && (end % block === 0 || end === this.size);
  }

  read(offset: number, target: Uint8Array, signal?: AbortSignal): void | Promise<void> {
    if (!this.fits(offset, target.length)) return this.#readAround(offset, target, signal);
    if (target.length <= this.pieceBytes) return this.device.read(offset, target, { signal });
    const work: (void | Promise<void>)[] = [];
    for (let at = 0; at < target.length; at += this.pieceBytes) {
      work.push(this.device.read(offset + at, target.subarray(at, at + this.pieceBytes), { signal }));
    }
    return settleAll(work);
  }

  /** The whole blocks around a range are read into memory of our own. */
  async #readAround(offset: number, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const block = this.blockBytes;
    const start = offset - (offset % block);
    const end = Math.min(this.size, Math.ceil((offset + target.length) / block) * block);
    const bytes = new Uint8Array(end - start);
    await this.read(start, bytes, signal);
    signal?.throwIfAborted();
    target.set(bytes.subarray(offset - start, offset - start + target.length));
  }
}

/**
 * Reads a part of an image's own structure.
 *
 * @param place what it is, for the message
 * @throws UsageError `ERR_NBD_IMAGE` when it reaches past the end of the file.
 */
export async function readStructure(
  file: FileBytes,
  place: string,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (offset < 0 || !Number.isSafeInteger(offset) || offset + length > file.size) {
    throw damagedImage(place, `bytes ${offset} to ${offset + length} are not inside of the file of ${file.size} bytes`);
  }
  const bytes = new Uint8Array(length);
  await file.read(offset, bytes, signal);
  return bytes;
}
