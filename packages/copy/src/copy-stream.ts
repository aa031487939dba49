/** Copying between a device and a stream of bytes. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { checkDevice, errorAt } from '@nbdjs/kit';
import { type CopyOptions, type CopyReport, settle } from './options.ts';
import { Plan, plain, type Stretch } from './plan.ts';
import { TargetWriter } from './target-writer.ts';

/**
 * Stores a stream from the start of the target on. Its length need not be known; a stream that is longer than the target is
 * an error, unless the target can `grow`.
 *
 * @throws UsageError, errors of the stream or the device, or the signal's reason.
 */
export async function copyFromStream(
  source: AsyncIterable<Uint8Array>,
  target: BlockDevice,
  options: CopyOptions = {},
): Promise<CopyReport> {
  checkDevice('copy', 'the target', target);
  requireMethod('the source', source?.[Symbol.asyncIterator], 'an async iterable of Uint8Array');
  if (target.abilities.readOnly) throw new UsageError('ERR_NBD_READ_ONLY', 'the target is read-only');
  const { grow } = options;
  const settings = settle(options, [target]);
  const { requestSize, lanes, signal, onProgress } = settings;
  const writer = new TargetWriter(target, settings, { bytes: undefined });
  const { size } = target.geometry;
  const spares: Uint8Array[] = [];
  const underWay = new Set<Promise<void>>();
  const chunks = source[Symbol.asyncIterator]();
  let failure: { readonly error: unknown } | undefined;
  /** Ends the wait for the source, which may be silent for ever. */
  let interrupt: ((error: unknown) => void) | undefined;
  let isAtEnd = false;
  let position = 0n;
  let doneBytes = 0n;

  const fail = (error: unknown): void => {
    failure ??= { error };
    interrupt?.(error);
  };
  const onAbort = (): void => fail(signal?.reason);
  const nextChunk = (): Promise<IteratorResult<Uint8Array>> =>
    new Promise((resolve, reject) => {
      interrupt = reject;
      chunks.next().then(resolve, reject);
    });

  const store = (memory: Uint8Array, byteCount: number): void => {
    const work = (async () => {
      await writer.store(position - BigInt(byteCount), memory.subarray(0, byteCount));
      doneBytes += BigInt(byteCount);
      onProgress?.({ doneBytes });
    })()
      .catch(fail)
      .finally(() => {
        underWay.delete(work);
        spares.push(memory);
      });
    underWay.add(work);
  };

  let memory: Uint8Array = new Uint8Array(requestSize);
  let filled = 0;
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    while (failure === undefined) {
      const { done, value: chunk } = await nextChunk();
      if (done === true) {
        isAtEnd = true;
        break;
      }
      for (let taken = 0; taken < chunk.length && failure === undefined; ) {
        const byteCount = Math.min(requestSize - filled, chunk.length - taken);
        memory.set(chunk.subarray(taken, taken + byteCount), filled);
        filled += byteCount;
        taken += byteCount;
        position += BigInt(byteCount);
        if (grow === undefined && position > size) {
          throw new UsageError(
            'ERR_NBD_OUT_OF_BOUNDS',
            `the source is longer than the target, which has ${size} bytes`,
          );
        }
        if (filled < requestSize) continue;
        await grow?.(position);
        store(memory, filled);
        filled = 0;
        while (underWay.size >= lanes) await Promise.race(underWay);
        memory = spares.pop() ?? new Uint8Array(requestSize);
      }
    }
    if (failure === undefined) await grow?.(position);
    if (filled > 0 && failure === undefined) store(memory, filled);
  } catch (error) {
    fail(error);
  }
  interrupt = undefined;
  signal?.removeEventListener('abort', onAbort);
  // A source that is silent would not answer to this either, so nobody waits for it.
  if (!isAtEnd) Promise.resolve(chunks.return?.()).catch(() => {});
  await Promise.all(underWay);
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
  signal?.throwIfAborted();
  if (settings.flush && target.abilities.flush) await target.flush({ signal });
  return { totalBytes: position, readBytes: position, ...writer.tally };
}

/** Takes bytes in order; the chunk is lent until the answer settles. */
/** @throws UsageError */
function requireMethod(name: string, method: unknown, expected: string): void {
  if (typeof method !== 'function') throw new UsageError('ERR_NBD_ARGUMENT', `copy: ${name} is not ${expected}`);
}

export type StreamSink = (chunk: Uint8Array) => void | Promise<void>;

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
  const settings = settle(options, [source]);
  const { requestSize, lanes, signal, onProgress } = settings;
  const { size } = source.geometry;
  // Zeroes come in pieces of any length, so that the plan need not cut them.
  const plan = new Plan(source, size, BigInt(source.geometry.minimumBlockSize), { ...settings, targetIsZero: true });
  const zeroes = new Uint8Array(requestSize);
  const spares: Uint8Array[] = [];
  const ahead: { readonly stretch: Stretch; readonly memory?: Uint8Array; readonly read?: Promise<void> }[] = [];
  let doneBytes = 0n;
  let readBytes = 0n;

  const fill = async (): Promise<void> => {
    while (ahead.length < lanes) {
      signal?.throwIfAborted();
      const stretch = await plan.next();
      if (stretch === undefined) return;
      if (stretch.isZero) {
        ahead.push({ stretch });
        continue;
      }
      const memory = spares.pop() ?? new Uint8Array(requestSize);
      const read = (async () => source.read(plain(stretch.offset), memory.subarray(0, Number(stretch.length))))();
      // Its turn may never come, when an earlier one fails.
      read.catch(() => {});
      ahead.push({ stretch, memory, read });
    }
  };
  const emit = async (chunk: Uint8Array): Promise<void> => {
    await sink(chunk);
    doneBytes += BigInt(chunk.length);
    onProgress?.({ doneBytes, totalBytes: size });
  };

  try {
    await tryTail(source);
    for (;;) {
      await fill();
      const next = ahead.shift();
      if (next === undefined) break;
      const { stretch, memory, read } = next;
      if (memory === undefined) {
        for (let left = stretch.length; left > 0n; left -= BigInt(requestSize)) {
          signal?.throwIfAborted();
          await emit(left < requestSize ? zeroes.subarray(0, Number(left)) : zeroes);
        }
        continue;
      }
      try {
        await read;
      } catch (error) {
        throw errorAt(error, `reading the source at ${stretch.offset}`);
      }
      readBytes += stretch.length;
      await emit(memory.subarray(0, Number(stretch.length)));
      spares.push(memory);
    }
  } finally {
    // Their memory is ours, but their errors have nobody else to go to.
    await Promise.allSettled(ahead.map(({ read }) => read));
  }
  return { totalBytes: size, readBytes, writtenBytes: doneBytes, zeroedBytes: 0n, skippedBytes: 0n };
}

/** Whether the last bytes of a device whose size is no multiple of its blocks can be read is found out before anything else. */
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
