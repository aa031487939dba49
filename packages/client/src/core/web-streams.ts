/** Web streams over a device's bytes. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { RangeReader, RangeWriter } from '../device-range.ts';
import type { ReadStreamOptions, WriteStreamOptions } from '../stream-options.ts';

/**
 * Returns the bytes of a range in order, read ahead. Cancelling the stream aborts the reads in flight.
 *
 * @throws UsageError for options that are wrong.
 */
export function readableOf(device: BlockDevice, options: ReadStreamOptions = {}): ReadableStream<Uint8Array> {
  const range = new RangeReader(device, options, systemClock);
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      try {
        const bytes = await range.next();
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      } catch (error) {
        range.abort(error);
        throw error;
      }
    },
    cancel: (reason: unknown) => range.abort(reason ?? new Error('the stream was cancelled')),
  };
  // What is read ahead waits in the range, which knows how much that may be.
  return new ReadableStream(source, { highWaterMark: 0 });
}

/**
 * Returns a stream that stores what is written to it from `offset` on, and flushes at its end. Chunks are written one behind the other: a
 * chunk is free again when its write has settled.
 *
 * @throws UsageError for options that are wrong, and for a range outside of the device.
 */
export function writableOf(device: BlockDevice, options: WriteStreamOptions = {}): WritableStream<Uint8Array> {
  const range = new RangeWriter(device, options);
  return new WritableStream({
    // The stream's own `abort` is called only after the write in flight, which may take as long as the server is away.
    start(controller) {
      const { signal } = controller as WritableStreamDefaultController & { readonly signal: AbortSignal };
      signal.addEventListener('abort', () => range.abort(signal.reason ?? new Error('the stream was aborted')));
    },
    write: (chunk: Uint8Array) => range.write([chunk]),
    close: () => range.finish(),
  });
}
