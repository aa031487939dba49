/** A device that discards what is written to it and reads as zeroes. */
import {
  type Abilities,
  type Abortable,
  AllocationStatus,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  type Geometry,
  limits,
  type MetaContextExtents,
  type Offset,
  sizeMax,
  UsageError,
} from '@nbdjs/interfaces';
import { defineOptions, Lifetime, type OptionsOf, option, optionChecks, requireGoing, requireInside } from '@nbdjs/kit';

export const nullDeviceOptions = defineOptions({
  /** In bytes. @default 2^63 - 1, the largest possible */
  size: option.checked<number | bigint>(optionChecks.bytes, {
    default: sizeMax,
    defaultText: '2^63 - 1, the largest possible',
    doc: 'The size in bytes.',
  }),
});

/** The properties of a null device. */
export interface NullDeviceOptions extends OptionsOf<typeof nullDeviceOptions> {}

/**
 * Makes a device that discards what is written and reads as zeroes. It answers synchronously.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or wrong.
 */
export function createNullDevice(options: NullDeviceOptions = {}): BlockDevice {
  const { size } = nullDeviceOptions.resolve('createNullDevice', options);
  return new NullDevice(BigInt(size));
}

class NullDevice implements BlockDevice {
  readonly geometry: Geometry;
  readonly abilities: Abilities = {
    readOnly: false,
    flush: true,
    fua: true,
    trim: true,
    writeZeroes: true,
    fastZero: true,
    cache: true,
    multiConn: true,
    rotational: false,
    contexts: [baseAllocation],
  };
  readonly #size: bigint;
  readonly #life = new Lifetime();

  constructor(size: bigint) {
    this.#size = size;
    this.geometry = {
      size,
      minimumBlockSize: 1,
      preferredBlockSize: 4096,
      maximumBlockSize: limits.payloadBytesDefault,
    };
  }

  read(offset: Offset, target: Uint8Array, options?: Abortable): void {
    this.#enter(offset, target.length, options);
    target.fill(0);
  }

  write(offset: Offset, source: Uint8Array, options?: Abortable): void {
    this.#enter(offset, source.length, options);
  }

  flush(): void {
    this.#life.requireOpen();
  }

  trim(offset: Offset, length: Offset, options?: Abortable): void {
    this.#enter(offset, length, options);
  }

  writeZeroes(offset: Offset, length: Offset, options?: Abortable): void {
    this.#enter(offset, length, options);
  }

  cache(offset: Offset, length: Offset, options?: Abortable): void {
    this.#enter(offset, length, options);
  }

  blockStatus(offset: Offset, length: Offset, options: BlockStatusOptions = {}): readonly MetaContextExtents[] {
    const [start, end] = this.#enter(offset, length, options);
    if (start === end) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    const status = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);
    return [{ context: baseAllocation, extents: [{ offset: start, length: end - start, status }] }];
  }

  async close(): Promise<void> {
    this.#life.end();
  }

  #enter(offset: Offset, length: Offset, options: Abortable | undefined): readonly [bigint, bigint] {
    this.#life.requireOpen();
    requireGoing(options);
    return requireInside(this.#size, offset, length);
  }
}
