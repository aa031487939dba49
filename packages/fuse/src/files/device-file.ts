/** A device as a file: of a fixed size, and with the outcomes that programs expect of one. */
import { type BlockDevice, baseAllocation, type Offset } from '@nbdjs/interfaces';
import { createBlockSizeLayer } from '@nbdjs/storage/layers';
import { requestBytesMax } from '../session/limits.ts';
import { seekExtent } from './seek-extent.ts';

/** One file of a mount. All positions are inside of it, or the caller has made them fit. */
export class DeviceFile {
  readonly name: string;
  /** The size that was found, in bytes: as a number where that is exact. */
  readonly size: Offset;
  readonly isReadOnly: boolean;
  /** When something was written, or the mount was made; milliseconds since 1970. */
  modifiedMs: number;
  readonly #device: BlockDevice;
  /** Something was written that no flush has covered. */
  #isDirty = false;
  /** The flush that began last and is under way. */
  #flushing: Promise<void> | undefined;

  constructor(name: string, device: BlockDevice, isReadOnly: boolean, nowMs: number) {
    const { size } = device.geometry;
    this.name = name;
    this.size = size <= Number.MAX_SAFE_INTEGER ? Number(size) : size;
    this.isReadOnly = isReadOnly || device.abilities.readOnly;
    this.modifiedMs = nowMs;
    this.#device = takingAnyRange(device);
  }

  /**
   * Blocks of 512 bytes that are in use. Where the device knows its holes, it is one page less than all: `cp` and `tar` look for holes
   * only in files that occupy less than their size, and take a file with no blocks at all for one large hole.
   */
  get blocks(): Offset {
    const all = BigInt(this.size) / 512n;
    const hasMap = this.#device.abilities.contexts.includes(baseAllocation);
    return hasMap && all > 16n ? all - 8n : all;
  }

  /** How many of `length` bytes from `offset` on the file has. */
  within(offset: Offset, length: number): number {
    if (typeof offset === 'number' && typeof this.size === 'number') {
      return Math.max(0, Math.min(length, this.size - offset));
    }
    const left = BigInt(this.size) - BigInt(offset);
    return left >= BigInt(length) ? length : Math.max(0, Number(left));
  }

  /** Reads into memory that is asked for when it is needed. */
  read(offset: Offset, length: number, provide: () => Uint8Array): void | Promise<void> {
    const { deferredReads } = this.#device;
    if (deferredReads !== undefined) return deferredReads.readInto(offset, length, provide);
    return this.#device.read(offset, provide());
  }

  write(offset: Offset, source: Uint8Array): void | Promise<void> {
    this.#changed();
    return this.#device.write(offset, source);
  }

  /** Zeroes a range, by a hole or by allocated zeroes. */
  zero(offset: Offset, length: Offset, isHole: boolean): void | Promise<void> {
    this.#changed();
    return this.#device.writeZeroes(offset, length, { noHole: !isHole });
  }

  get canZero(): boolean {
    return this.#device.abilities.writeZeroes;
  }

  /** Settles when what was written is on stable storage, where the device can tell. Closing a file that nobody has written to costs nothing. */
  async flush(): Promise<void> {
    if (!this.#device.abilities.flush) return;
    // What another caller's flush covers is safe only when that has settled.
    if (!this.#isDirty) return this.#flushing;
    this.#isDirty = false;
    const flushing = Promise.resolve(this.#device.flush());
    this.#flushing = flushing;
    try {
      await flushing;
    } catch (error) {
      this.#isDirty = true;
      throw error;
    } finally {
      if (this.#flushing === flushing) this.#flushing = undefined;
    }
  }

  /** Returns the next data, or the next hole, from `offset` on; `undefined` when there is no more data. */
  seek(offset: Offset, what: 'data' | 'hole'): Promise<Offset | undefined> {
    return seekExtent(this.#device, BigInt(offset), what);
  }

  #changed(): void {
    this.#isDirty = true;
    this.modifiedMs = Date.now();
  }
}

/** Programs read and write anything of a file. */
function takingAnyRange(device: BlockDevice): BlockDevice {
  const { minimumBlockSize, maximumBlockSize } = device.geometry;
  const takesAny = minimumBlockSize === 1 || device.takesAnyRange === true;
  if (takesAny && maximumBlockSize >= requestBytesMax) return device;
  return createBlockSizeLayer(device, { maximumBlockSize: Math.max(requestBytesMax, minimumBlockSize) });
}
