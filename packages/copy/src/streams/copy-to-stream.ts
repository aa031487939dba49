/** Copying a device to a stream of bytes. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { type Ahead, checkDevice, errorAt, FreeList, QueueDepth, ReadAhead } from '@nbdjs/kit';
import { type CopyOptions, resolveOptions } from '../options.ts';
import { Plan } from '../plan/plan.ts';
import { plain, type Segment } from '../plan/segment.ts';
import type { CopyReport } from '../report.ts';
import { requireMethod } from './require-method.ts';

/** Takes bytes in order. The chunk is lent until the answer settles. */
export type StreamSink = (chunk: Uint8Array) => void | Promise<void>;

/** A segment of the source. Zeroes have no memory. */
interface Part {
  readonly segment: Segment;
  readonly memory?: Uint8Array;
}

/**
 * Hands all bytes of a device to a sink, in order, reading ahead. Holes are not read but come as zeroes.
 *
 * @throws errors of the device or the sink, or the signal's reason.
 */
export async function copyToStream(
  source: BlockDevice,
  sink: StreamSink,
  options: CopyOptions = {},
): Promise<CopyReport> {
  checkDevice('copy', 'the source', source);
  requireMethod('the sink', sink, 'a function that takes chunks');
  const settings = resolveOptions(options, [source]);
  const { requestSize, requests, signal, onProgress } = settings;
  const { size } = source.geometry;
  // Zeroes come in pieces of any length, so that the plan need not cut them.
  const plan = new Plan(source, size, BigInt(source.geometry.minimumBlockSize), { ...settings, targetIsZero: true });
  const zeroes = new Uint8Array(requestSize);
  const depth = new QueueDepth(requests, requestSize);
  const buffers = new FreeList<Uint8Array>(() => new Uint8Array(requestSize));
  let doneBytes = 0n;
  let readBytes = 0n;

  const read = async (segment: Segment): Promise<Part> => {
    const memory = buffers.take();
    const startMs = Date.now();
    try {
      await source.read(plain(segment.offset), memory.subarray(0, Number(segment.length)));
    } catch (error) {
      throw errorAt(error, `reading the source at ${segment.offset}`);
    }
    depth.completed(startMs, Date.now());
    return { segment, memory };
  };
  const start = (segment: Segment | undefined): Ahead<Part> | undefined =>
    segment && { result: segment.isZero ? { segment } : read(segment) };
  const begin = (): Ahead<Part> | undefined | Promise<Ahead<Part> | undefined> => {
    signal?.throwIfAborted();
    const next = plan.next();
    return next instanceof Promise ? next.then(start) : start(next);
  };
  const emit = async (chunk: Uint8Array): Promise<void> => {
    await sink(chunk);
    doneBytes += BigInt(chunk.length);
    onProgress?.({ doneBytes, totalBytes: size });
  };
  const emitZeroes = async (length: bigint): Promise<void> => {
    for (let left = length; left > 0n; left -= BigInt(requestSize)) {
      signal?.throwIfAborted();
      await emit(left < requestSize ? zeroes.subarray(0, Number(left)) : zeroes);
    }
  };

  const parts = new ReadAhead(depth, begin);
  try {
    await tryTail(source);
    for (let part = await parts.next(); part !== undefined; part = await parts.next()) {
      const { segment, memory } = part;
      if (memory === undefined) {
        await emitZeroes(segment.length);
        continue;
      }
      readBytes += segment.length;
      await emit(memory.subarray(0, Number(segment.length)));
      buffers.giveBack(memory);
    }
  } finally {
    await parts.settled();
  }
  return { totalBytes: size, readBytes, writtenBytes: doneBytes, zeroedBytes: 0n, skippedBytes: 0n };
}

/** Reads the last bytes of a device whose size is not a multiple of its blocks, to find out before anything else whether it can. */
async function tryTail(source: BlockDevice): Promise<void> {
  const { size, minimumBlockSize } = source.geometry;
  const length = Number(size % BigInt(minimumBlockSize));
  if (length === 0) return;
  const offset = size - BigInt(length);
  try {
    await source.read(plain(offset), new Uint8Array(length));
  } catch (error) {
    throw errorAt(error, `reading the source at ${offset}`);
  }
}
