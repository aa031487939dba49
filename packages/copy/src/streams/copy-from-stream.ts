/** Copying a stream of bytes to a device. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { checkDevice, FreeList } from '@nbdjs/kit';
import { type CopyOptions, type CopySettings, resolveOptions } from '../options.ts';
import type { CopyReport } from '../report.ts';
import { TargetWriter } from '../target-writer.ts';
import { requireMethod } from './require-method.ts';

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
  const settings = resolveOptions(options, [target]);
  const copy = new StreamCopy(source[Symbol.asyncIterator](), target, settings, options.grow);
  const report = await copy.run();
  if (settings.flush && target.abilities.flush) await target.flush({ signal: settings.signal });
  return report;
}

class StreamCopy {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #size: bigint;
  readonly #settings: CopySettings;
  readonly #grow: CopyOptions['grow'];
  readonly #writer: TargetWriter;
  readonly #buffers: FreeList<Uint8Array>;
  readonly #inFlight = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  /** Ends the wait for the source, which may be silent for ever. */
  #interrupt: ((error: unknown) => void) | undefined;
  /** Collects chunks until it is full. */
  #buffer: Uint8Array;
  #filled = 0;
  /** Bytes that the source has given. */
  #position = 0n;
  #doneBytes = 0n;

  constructor(
    chunks: AsyncIterator<Uint8Array>,
    target: BlockDevice,
    settings: CopySettings,
    grow: CopyOptions['grow'],
  ) {
    this.#chunks = chunks;
    this.#size = target.geometry.size;
    this.#settings = settings;
    this.#grow = grow;
    this.#writer = new TargetWriter(target, settings, { bytes: undefined });
    this.#buffers = new FreeList(() => new Uint8Array(settings.requestSize));
    this.#buffer = this.#buffers.take();
  }

  async run(): Promise<CopyReport> {
    const { signal } = this.#settings;
    const onAbort = (): void => this.#fail(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    let isAtEnd = false;
    try {
      signal?.throwIfAborted();
      isAtEnd = await this.#storeChunks();
      if (this.#failure === undefined) await this.#grow?.(this.#position);
      if (this.#filled > 0 && this.#failure === undefined) this.#store(this.#buffer, this.#filled);
    } catch (error) {
      this.#fail(error);
    }
    this.#interrupt = undefined;
    signal?.removeEventListener('abort', onAbort);
    // A silent source would not answer to this either, so it is not waited for.
    if (!isAtEnd) Promise.resolve(this.#chunks.return?.()).catch(() => {});
    await Promise.all(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure.error;
    signal?.throwIfAborted();
    return { totalBytes: this.#position, readBytes: this.#position, ...this.#writer.tally };
  }

  /** Returns whether the source came to its end; `false` after a failure. */
  async #storeChunks(): Promise<boolean> {
    while (this.#failure === undefined) {
      const { done, value: chunk } = await this.#nextChunk();
      if (done === true) return true;
      await this.#takeChunk(chunk);
    }
    return false;
  }

  #nextChunk(): Promise<IteratorResult<Uint8Array>> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      this.#chunks.next().then(resolve, reject);
    });
  }

  async #takeChunk(chunk: Uint8Array): Promise<void> {
    const { requestSize, requests } = this.#settings;
    for (let taken = 0; taken < chunk.length && this.#failure === undefined; ) {
      const byteCount = Math.min(requestSize - this.#filled, chunk.length - taken);
      this.#buffer.set(chunk.subarray(taken, taken + byteCount), this.#filled);
      this.#filled += byteCount;
      taken += byteCount;
      this.#position += BigInt(byteCount);
      if (this.#grow === undefined && this.#position > this.#size) {
        const message = `the source is longer than the target, which has ${this.#size} bytes`;
        throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', message);
      }
      if (this.#filled < requestSize) continue;
      await this.#grow?.(this.#position);
      this.#store(this.#buffer, this.#filled);
      this.#filled = 0;
      while (this.#inFlight.size >= requests) await Promise.race(this.#inFlight);
      this.#buffer = this.#buffers.take();
    }
  }

  /** Begins to write the bytes before the position. */
  #store(buffer: Uint8Array, byteCount: number): void {
    const work = this.#write(this.#position - BigInt(byteCount), buffer.subarray(0, byteCount))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#inFlight.delete(work);
        this.#buffers.giveBack(buffer);
      });
    this.#inFlight.add(work);
  }

  async #write(offset: bigint, bytes: Uint8Array): Promise<void> {
    await this.#writer.store(offset, bytes);
    this.#doneBytes += BigInt(bytes.length);
    this.#settings.onProgress?.({ doneBytes: this.#doneBytes });
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#interrupt?.(error);
  }
}
