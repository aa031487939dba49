/** A disk whose bytes are found by the tables of an image: read-only. */
import {
  type Abortable,
  AllocationStatus,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  CommandError,
  type Extent,
  type Offset,
  type ReadOptions,
} from '@nbdjs/interfaces';
import { settleAll } from '@nbdjs/kit';
import type { ImageFacts } from '../image-facts.ts';
import { ReadOnlyImage } from './read-only-image.ts';
import type { Run, RunMap } from './run.ts';

/** What a mapped device is made of. */
export interface MappedDeviceParts {
  /** What the image says about itself; its `virtualBytes` are the size. */
  readonly image: ImageFacts;
  /** The tables. */
  readonly map: RunMap;
  /** In bytes: reads that are aligned to it are the fastest. */
  readonly preferredBytes: number;
  /** Closed together with the device, in this order. */
  readonly owned: readonly BlockDevice[];
}

/** Pieces of one read that are under way at the same time. */
const piecesMax = 64;
/** Extents in one answer. */
const extentsMax = 4096;
/** Steps in the tables for one answer. Where an image is in tiny pieces of one status, the answer ends before the range does. */
const stepsMax = 65_536;

/** A read-only disk over the tables of an image. */
export class MappedDevice extends ReadOnlyImage {
  readonly #map: RunMap;

  constructor({ map, ...parts }: MappedDeviceParts) {
    super({ ...parts, contexts: [baseAllocation] });
    this.#map = map;
  }

  override read(offset: Offset, target: Uint8Array, options: ReadOptions = {}): void | Promise<void> {
    const start = this.enter(offset, target.length, options);
    if (target.length === 0) return undefined;
    return this.during(() => this.#read(start, target, options));
  }

  /** Waits for all pieces, also when one fails: the memory is the caller's again afterwards. */
  async #read(start: number, target: Uint8Array, { signal, onChunk }: ReadOptions): Promise<void> {
    const work: (void | Promise<void>)[] = [];
    const chunks: { type: 'data' | 'hole'; position: number; length: number }[] = [];
    let position = 0;
    try {
      while (position < target.length) {
        const run = await this.#runAt(start + position, target.length - position);
        signal?.throwIfAborted();
        const piece = target.subarray(position, position + run.length);
        const type = run.kind === 'zeroes' && run.isHole ? 'hole' : 'data';
        const last = chunks.at(-1);
        if (last?.type === type) last.length += run.length;
        else chunks.push({ type, position, length: run.length });
        const filling = fill(piece, run, signal);
        // Its failure is reported when all pieces have settled.
        filling.catch(() => {});
        work.push(filling);
        position += run.length;
        if (work.length >= piecesMax) await settleAll(work.splice(0));
      }
    } catch (error) {
      work.push(Promise.reject(error));
    }
    await settleAll(work);
    if (onChunk !== undefined) for (const chunk of chunks) onChunk(chunk);
  }

  /** Neighbours in one file are read in one piece. */
  async #runAt(offset: number, length: number): Promise<Run> {
    let run = await this.#locate(offset, length);
    while (run.kind === 'stored' && run.length < length) {
      const found = this.#map.locate(offset + run.length, length - run.length);
      // Tables that have to be read first are left to the next step, so that what is known is under way meanwhile.
      if (found instanceof Promise) {
        found.catch(() => {});
        break;
      }
      if (found.kind !== 'stored' || found.file !== run.file || found.at !== run.at + run.length) break;
      run = { ...run, length: run.length + Math.min(found.length, length - run.length) };
    }
    return run;
  }

  async #locate(offset: number, length: number): Promise<Run> {
    const found = this.#map.locate(offset, length);
    const run = found instanceof Promise ? await found : found;
    return run.length <= length ? run : { ...run, length };
  }

  protected override async extentsOf(
    _context: string,
    start: number,
    length: number,
    options: BlockStatusOptions,
  ): Promise<readonly Extent[]> {
    const list = new ExtentList(BigInt(start), options.one === true ? 1 : extentsMax);
    for (let position = 0, step = 0; position < length && step < stepsMax; step++) {
      options.signal?.throwIfAborted();
      const run = await this.#locate(start + position, length - position);
      for (const [bytes, status] of await statusesOf(run, options)) {
        if (!list.add(bytes, status)) return list.extents;
      }
      position += run.length;
    }
    return list.extents;
  }
}

/** Extents, consecutive; neighbours of one status become one. */
class ExtentList {
  readonly extents: { offset: bigint; length: bigint; status: bigint }[] = [];
  readonly #max: number;
  #end: bigint;

  constructor(start: bigint, max: number) {
    this.#end = start;
    this.#max = max;
  }

  /** Returns whether there was room. */
  add(length: bigint, status: bigint): boolean {
    const last = this.extents.at(-1);
    if (last?.status === status) last.length += length;
    else if (this.extents.length === this.#max) return false;
    else this.extents.push({ offset: this.#end, length, status });
    this.#end += length;
    return true;
  }
}

async function fill(target: Uint8Array, run: Run, signal: AbortSignal | undefined): Promise<void> {
  switch (run.kind) {
    case 'zeroes':
      target.fill(0);
      return;
    case 'stored':
      if (run.at + run.length > run.file.size) {
        const message = `the image is damaged: bytes ${run.at} to ${run.at + run.length} are past the end of the file`;
        throw new CommandError('EIO', message);
      }
      await run.file.read(run.at, target, signal);
      return;
    case 'packed': {
      const bytes = await run.unpack();
      signal?.throwIfAborted();
      target.set(bytes.subarray(run.skip, run.skip + run.length));
    }
  }
}

const emptyStatus = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);

/** Lengths and statuses of `base:allocation`, all of the run. */
async function statusesOf(run: Run, options: Abortable): Promise<readonly (readonly [bigint, bigint])[]> {
  const whole = BigInt(run.length);
  if (run.kind === 'zeroes') return [[whole, run.isHole ? emptyStatus : BigInt(AllocationStatus.Zero)]];
  if (run.kind === 'packed' || run.status === undefined) return [[whole, 0n]];
  const extents = await run.status(run.at, run.length, options);
  let known = 0n;
  const statuses: (readonly [bigint, bigint])[] = [];
  for (const { length, status } of extents) {
    const bytes = length < whole - known ? length : whole - known;
    if (bytes > 0n) statuses.push([bytes, status]);
    known += bytes;
  }
  // An answer may end early: the rest counts as data, which is always true enough.
  if (known < whole) statuses.push([whole - known, 0n]);
  return statuses;
}
