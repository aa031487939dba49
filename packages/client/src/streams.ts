/** Node streams over a device's bytes; web streams are made from them. */
import { Readable, Writable } from 'node:stream';
import { type BlockDevice, type Clock, UsageError } from '@nbdjs/interfaces';
import { ReadAhead, toError } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { type ReadPacing, readPacing } from './read-pacing.ts';
import {
  type RangeOptions,
  type ReadStreamOptions,
  readStreamOptions,
  type WriteStreamOptions,
  writeStreamOptions,
} from './stream-options.ts';

/**
 * Returns the bytes of a range in order, read ahead. Destroying the stream aborts the reads in flight.
 *
 * @throws UsageError for options that are wrong.
 */
export function createReadStream(
  device: BlockDevice,
  options: ReadStreamOptions = {},
  clock: Clock = systemClock,
): Readable {
  const settings = readStreamOptions.resolve('createReadStream', options);
  const pacing = readPacing(device, settings, clock);
  const abort = new AbortController();
  const ahead = readAhead(device, settings, pacing, abort.signal);
  return new Readable({
    highWaterMark: pacing.requestBytes,
    read() {
      ahead.next().then(
        (bytes) => {
          if (!this.destroyed) this.push(bytes ?? null);
        },
        (error: unknown) => this.destroy(toError(error)),
      );
    },
    destroy(error, done) {
      abort.abort(error ?? new Error('the stream was destroyed'));
      done(error);
    },
  });
}

/**
 * Returns a stream that stores what is written to it from `offset` on. It fails when that does not fit into the range.
 *
 * @throws UsageError for options that are wrong, and for a range outside of the device.
 */
export function createWriteStream(device: BlockDevice, options: WriteStreamOptions = {}): Writable {
  const { flush: isFlushed } = writeStreamOptions.resolve('createWriteStream', options);
  const abort = new AbortController();
  const signal = options.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, options.signal]);
  const end = rangeEnd(device, options);
  let position = BigInt(options.offset ?? 0);

  const store = async (chunks: readonly Uint8Array[]): Promise<void> => {
    const parts = chunks.map((chunk) => {
      const offset = position;
      position += BigInt(chunk.length);
      if (position > end) {
        throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `the stream is longer than the range, which ends at byte ${end}`);
      }
      return { offset, chunk };
    });
    await Promise.all(parts.map(({ offset, chunk }) => device.write(offset, chunk, { signal })));
  };
  const flush = async (): Promise<void> => {
    if (isFlushed && device.abilities.flush) await device.flush({ signal });
  };
  return new Writable({
    decodeStrings: true,
    signal,
    write: (chunk: Uint8Array, _encoding, done) => settle(store([chunk]), done),
    writev: (items, done) => settle(store(items.map((item) => item.chunk as Uint8Array)), done),
    final: (done) => settle(flush(), done),
    destroy(error, done) {
      abort.abort(error ?? new Error('the stream was destroyed'));
      done(error);
    },
  });
}

/** Reads a range piece by piece. A range outside of the device fails with the first piece. */
function readAhead(
  device: BlockDevice,
  options: RangeOptions,
  pacing: ReadPacing,
  destroyed: AbortSignal,
): ReadAhead<Uint8Array> {
  const signal = options.signal === undefined ? destroyed : AbortSignal.any([destroyed, options.signal]);
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

function settle(work: Promise<void>, done: (error?: Error | null) => void): void {
  work.then(
    () => done(),
    (error: unknown) => done(toError(error)),
  );
}
