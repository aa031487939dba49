/** Makes a file of what has changed on a device. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { checkDevice } from '@nbdjs/kit';
import { requireMarks } from '../copy-checks.ts';
import type { StreamingHash } from '../hashing/streaming-hash.ts';
import { type CopySettings, resolveOptions } from '../options.ts';
import { ChangedPlan, type MarkedRange, markedRanges, unaskedBytes } from '../plan/changed-plan.ts';
import { Plan } from '../plan/plan.ts';
import type { CopyReport } from '../report.ts';
import type { StreamSink } from '../streams/copy-to-stream.ts';
import { readInOrder } from '../streams/ordered-reader.ts';
import { requireMethod } from '../streams/require-method.ts';
import { visitLongRuns } from '../zero-blocks.ts';
import { ChangesEncoder } from './changes-encoder.ts';
import { type WriteChangesOptions, writeChangesOptions } from './changes-options.ts';
import type { ChangesStart } from './entry.ts';
import { changedBytesMax, changesIdForm } from './format.ts';

/** What the file says about itself, besides what the device says. */
export interface ChangesOrigin extends Pick<ChangesStart, 'id' | 'parent' | 'created' | 'source'> {
  /** Makes a SHA-256, such as `() => createHash('sha256')` with that of `node:crypto`. */
  readonly createHash: () => StreamingHash;
}

/**
 * Hands a file of changes to a sink: what the context `changed` of the source marks with any status but 0, extended to whole blocks, or all of the
 * source. What the source reports as zeroes, and what is found to be zeroes, takes no room.
 *
 * @returns what was done; `totalBytes` is what was marked, and `writtenBytes` are the bytes of the file.
 * @throws UsageError for a context that the source does not have; errors of the source or the sink, or the signal's reason.
 */
export async function writeChanges(
  source: BlockDevice,
  sink: StreamSink,
  origin: ChangesOrigin,
  options: WriteChangesOptions = {},
): Promise<CopyReport> {
  checkDevice('writeChanges', 'the source', source);
  requireMethod('the sink', sink, 'a function that takes chunks');
  requireMethod('createHash', origin?.createHash, 'a function that makes a hash');
  for (const id of [origin.id, origin.parent ?? origin.id]) {
    if (!changesIdForm.test(id)) {
      throw new UsageError('ERR_NBD_ARGUMENT', `writeChanges: '${id}' is no id, expected 32 hexadecimal digits`);
    }
  }
  const given = writeChangesOptions.resolve('writeChanges', options);
  requireMarks(source, given);
  const settings = resolveOptions(given, [source]);
  return await new ChangesWriter(source, sink, settings).run(origin);
}

class ChangesWriter {
  readonly #source: BlockDevice;
  readonly #sink: StreamSink;
  readonly #settings: CopySettings;
  readonly #align: bigint;
  #encoder!: ChangesEncoder;
  #totalBytes: bigint;
  #doneBytes = 0n;
  #fileBytes = 0n;
  #zeroBytes = 0n;
  /** Zeroes that the next part may continue. */
  #zeroes = { offset: 0n, length: 0n };

  constructor(source: BlockDevice, sink: StreamSink, settings: CopySettings) {
    this.#source = source;
    this.#sink = sink;
    // Zeroes come in pieces of any length, so that the plan need not cut them.
    this.#settings = { ...settings, targetIsZero: true };
    this.#align = BigInt(source.geometry.minimumBlockSize);
    this.#totalBytes = source.geometry.size;
  }

  async run({ createHash, ...origin }: ChangesOrigin): Promise<CopyReport> {
    const { changed: context } = this.#settings;
    const { size, minimumBlockSize } = this.#source.geometry;
    if (context !== undefined) await this.#countMarked(context);
    this.#encoder = new ChangesEncoder(createHash());
    const isFull = context === undefined;
    const start = { ...origin, type: 'start', size, blockSize: minimumBlockSize, isFull, context } as const;
    for (const bytes of this.#encoder.start(start)) await this.#emit(bytes);
    const visitor = {
      data: (bytes: Uint8Array, offset: bigint) => this.#data(bytes, offset),
      zeroes: (length: bigint, offset: bigint) => this.#done(length, this.#addZeroes(offset, length)),
    };
    const readBytes = await readInOrder(this.#source, this.#settings, visitor, this.#plan(context));
    await this.#endZeroes();
    await this.#emit(this.#encoder.end());
    return {
      totalBytes: this.#totalBytes,
      readBytes,
      writtenBytes: this.#fileBytes,
      zeroedBytes: this.#zeroBytes,
      skippedBytes: 0n,
    };
  }

  /** To know how much there is to do, the map is read once before. */
  async #countMarked(context: string): Promise<void> {
    this.#totalBytes = 0n;
    const { signal } = this.#settings;
    const ranges = markedRanges({ source: this.#source, context, align: this.#align, signal });
    for await (const { start, end } of ranges) this.#totalBytes += end - start;
  }

  #plan(context: string | undefined): ChangedPlan | undefined {
    if (context === undefined) return undefined;
    const { signal } = this.#settings;
    const planOf = ({ start, end }: MarkedRange): Plan => {
      // To ask for the map of a short range would take as long as to read it.
      const extents = this.#settings.extents && end - start > unaskedBytes;
      return new Plan(this.#source, end, this.#align, { ...this.#settings, extents }, { startAt: start });
    };
    return new ChangedPlan({ source: this.#source, context, align: this.#align, signal, planOf });
  }

  async #data(bytes: Uint8Array, offset: bigint): Promise<void> {
    const { sparseSize, joinBytes } = this.#settings;
    const runs: (readonly [start: number, end: number, isZero: boolean])[] = [];
    if (sparseSize === 0) runs.push([0, bytes.length, false]);
    else {
      const inBlock = Number(offset % BigInt(sparseSize));
      visitLongRuns(bytes, sparseSize, inBlock, joinBytes, (...run) => void runs.push(run));
    }
    for (const [start, end, isZero] of runs) {
      const from = offset + BigInt(start);
      if (isZero) await this.#addZeroes(from, BigInt(end - start));
      else await this.#addData(from, bytes.subarray(start, end));
    }
    await this.#done(BigInt(bytes.length));
  }

  async #addData(offset: bigint, bytes: Uint8Array): Promise<void> {
    await this.#endZeroes();
    for (let start = 0; start < bytes.length; start += changedBytesMax) {
      const piece = bytes.subarray(start, start + changedBytesMax);
      await this.#emit(this.#encoder.data(offset + BigInt(start), piece));
    }
  }

  async #addZeroes(offset: bigint, length: bigint): Promise<void> {
    const last = this.#zeroes;
    if (offset !== last.offset + last.length) await this.#endZeroes();
    this.#zeroes =
      this.#zeroes.length === 0n ? { offset, length } : { offset: last.offset, length: last.length + length };
  }

  async #endZeroes(): Promise<void> {
    const { offset, length } = this.#zeroes;
    if (length === 0n) return;
    this.#zeroes = { offset: 0n, length: 0n };
    this.#zeroBytes += length;
    await this.#emit(this.#encoder.zeroes(offset, length));
  }

  async #done(length: bigint, work?: Promise<void>): Promise<void> {
    await work;
    this.#doneBytes += length;
    this.#settings.onProgress?.({ doneBytes: this.#doneBytes, totalBytes: this.#totalBytes });
  }

  async #emit(bytes: Uint8Array): Promise<void> {
    this.#fileBytes += BigInt(bytes.length);
    await this.#sink(bytes);
  }
}
