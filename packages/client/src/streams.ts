/** Node streams over a device's bytes. */
import { Readable, Writable } from 'node:stream';
import type { BlockDevice, Clock } from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { RangeReader, RangeWriter } from './device-range.ts';
import type { ReadStreamOptions, WriteStreamOptions } from './stream-options.ts';

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
  const range = new RangeReader(device, options, clock);
  return new Readable({
    highWaterMark: range.requestBytes,
    read() {
      range.next().then(
        (bytes) => {
          if (!this.destroyed) this.push(bytes ?? null);
        },
        (error: unknown) => this.destroy(toError(error)),
      );
    },
    destroy(error, done) {
      range.abort(error ?? new Error('the stream was destroyed'));
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
  const range = new RangeWriter(device, options);
  return new Writable({
    decodeStrings: true,
    signal: range.signal,
    write: (chunk: Uint8Array, _encoding, done) => settle(range.write([chunk]), done),
    writev: (items, done) => settle(range.write(items.map((item) => item.chunk as Uint8Array)), done),
    final: (done) => settle(range.finish(), done),
    destroy(error, done) {
      range.abort(error ?? new Error('the stream was destroyed'));
      done(error);
    },
  });
}

function settle(work: Promise<void>, done: (error?: Error | null) => void): void {
  work.then(
    () => done(),
    (error: unknown) => done(toError(error)),
  );
}
