/** A range of a device as streams go through it: reads ahead, and writes one behind the other. */
import { type BlockDevice, type Clock, UsageError } from '@nbdjs/interfaces';
import { ReadAhead } from '@nbdjs/kit';
import { type ReadPacing, readPacing } from './read-pacing.ts';
import {
  type RangeOptions,
  type ReadStreamOptions,
  readStreamOptions,
  type WriteStreamOptions,
  writeStreamOptions,
} from './stream-options.ts';

/** The pieces of a range, in order. */
export class RangeReader {
  /** Length of a piece in bytes, but for the last. */
  readonly requestBytes: number;
  readonly #ahead: ReadAhead<Uint8Array>;
  readonly #abort = new AbortController();

  /** @throws UsageError for options that are wrong. */
  constructor(device: BlockDevice, options: ReadStreamOptions, clock: Clock) {
    const settings = readStreamOptions.resolve('createReadStream', options);
    const pacing = readPacing(device, settings, clock);
    this.requestBytes = pacing.requestBytes;
    this.#ahead = readAhead(device, settings, pacing, this.#abort.signal);
  }

  /** Returns the next piece, or `undefined` at the end. A range outside of the device fails with the first piece. */
  next(): Promise<Uint8Array | undefined> {
    return this.#ahead.next();
  }

  /** Abandons the reads in flight. */
  abort(reason: unknown): void {
    this.#abort.abort(reason);
  }
}

/** Stores pieces from the start of a range on. */
export class RangeWriter {
  readonly #device: BlockDevice;
  readonly #isFlushed: boolean;
  readonly #end: bigint;
  readonly #abort = new AbortController();
  /** Aborts with the signal of the options, and with `abort`. */
  readonly signal: AbortSignal;
  #position: bigint;

  /** @throws UsageError for options that are wrong, and for a range outside of the device. */
  constructor(device: BlockDevice, options: WriteStreamOptions) {
    const { flush, signal } = writeStreamOptions.resolve('createWriteStream', options);
    this.#device = device;
    this.#isFlushed = flush;
    this.#end = rangeEnd(device, options);
    this.#position = BigInt(options.offset ?? 0);
    this.signal = joined(this.#abort.signal, signal);
  }

  /** @throws UsageError when the bytes do not fit into the range. */
  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const parts = chunks.map((chunk) => {
      const offset = this.#position;
      this.#position += BigInt(chunk.length);
      if (this.#position > this.#end) {
        const message = `the stream is longer than the range, which ends at byte ${this.#end}`;
        throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', message);
      }
      return { offset, chunk };
    });
    const { signal } = this;
    await Promise.all(parts.map(({ offset, chunk }) => this.#device.write(offset, chunk, { signal })));
  }

  /** Flushes, if the options ask for it and the device can. */
  async finish(): Promise<void> {
    if (this.#isFlushed && this.#device.abilities.flush) await this.#device.flush({ signal: this.signal });
  }

  /** Abandons the writes in flight. */
  abort(reason: unknown): void {
    this.#abort.abort(reason);
  }
}

function joined(own: AbortSignal, given: AbortSignal | undefined): AbortSignal {
  return given === undefined ? own : AbortSignal.any([own, given]);
}

function readAhead(
  device: BlockDevice,
  options: RangeOptions,
  pacing: ReadPacing,
  aborted: AbortSignal,
): ReadAhead<Uint8Array> {
  const signal = joined(aborted, options.signal);
  let position = BigInt(options.offset ?? 0);
  let end: bigint | undefined;

  const read = async (offset: bigint, target: Uint8Array, share: number): Promise<Uint8Array> => {
    const startMs = pacing.now();
    await device.read(offset, target, { signal });
    pacing.completed(startMs, share);
    return target;
  };
  return new ReadAhead(pacing, () => {
    end ??= rangeEnd(device, options);
    if (position >= end) return undefined;
    const left = end - position;
    const share = pacing.requestsAtOnce;
    const length = share * pacing.requestBytes;
    const target = new Uint8Array(left < length ? Number(left) : length);
    const offset = position;
    position += BigInt(target.length);
    return { result: read(offset, target, share), share };
  });
}

function rangeEnd(device: BlockDevice, options: RangeOptions): bigint {
  const offset = BigInt(options.offset ?? 0);
  const end = options.length === undefined ? device.geometry.size : offset + BigInt(options.length);
  if (offset < 0n || end < offset || end > device.geometry.size) {
    throw new UsageError(
      'ERR_NBD_OUT_OF_BOUNDS',
      `the range from byte ${offset} to ${end} lies outside of the device of ${device.geometry.size} bytes`,
    );
  }
  return end;
}
