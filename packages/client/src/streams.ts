/** Node streams over a device's bytes; web streams are made from them. */
import { Readable, Writable } from 'node:stream';
import { type Abortable, type BlockDevice, type Offset, UsageError } from '@nbdjs/interfaces';
import { ReadAhead, toError } from '@nbdjs/kit';

/** A range of a device, in bytes. */
export interface RangeOptions extends Abortable {
  /** The first byte. @default 0 */
  readonly offset?: Offset | undefined;
  /** The number of bytes. @default up to the end of the device */
  readonly length?: Offset | undefined;
}

/** How a range is read. */
export interface ReadStreamOptions extends RangeOptions {
  /** Length of one read in bytes. @default 262144 */
  readonly requestSize?: number | undefined;
  /** Reads that are kept in flight. @default 16 */
  readonly requests?: number | undefined;
}

/** How a range is written. */
export interface WriteStreamOptions extends RangeOptions {
  /** Flush when the stream ends, if the device can. @default true */
  readonly flush?: boolean | undefined;
}

const requestSizeDefault = 256 * 1024;
const requestsDefault = 16;

/** Returns the bytes of a range in order, read ahead. Destroying the stream aborts the reads in flight. */
export function createReadStream(device: BlockDevice, options: ReadStreamOptions = {}): Readable {
  const requestSize = Math.min(options.requestSize ?? requestSizeDefault, device.geometry.maximumBlockSize);
  return Readable.from(readAhead(device, options, requestSize), { objectMode: false, highWaterMark: requestSize });
}

/** Returns a stream that stores what is written to it from `offset` on. It fails when that does not fit into the range. */
export function createWriteStream(device: BlockDevice, options: WriteStreamOptions = {}): Writable {
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
    if ((options.flush ?? true) && device.abilities.flush) await device.flush({ signal });
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

async function* readAhead(
  device: BlockDevice,
  options: ReadStreamOptions,
  requestSize: number,
): AsyncGenerator<Uint8Array, void, void> {
  const abort = new AbortController();
  const signal = options.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, options.signal]);
  const end = rangeEnd(device, options);
  let position = BigInt(options.offset ?? 0);

  const read = async (offset: bigint, target: Uint8Array): Promise<Uint8Array> => {
    await device.read(offset, target, { signal });
    return target;
  };
  const ahead = new ReadAhead(options.requests ?? requestsDefault, () => {
    if (position >= end) return undefined;
    const left = end - position;
    const target = new Uint8Array(left < requestSize ? Number(left) : requestSize);
    const offset = position;
    position += BigInt(target.length);
    return { result: read(offset, target) };
  });
  try {
    for (let next = await ahead.next(); next !== undefined; next = await ahead.next()) yield next;
  } finally {
    abort.abort(new Error('the stream was destroyed'));
  }
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
