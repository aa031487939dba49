/** A disk whose bytes are found by the tables of an image: read-only. */
import {
  type Abilities,
  type Abortable,
  AllocationStatus,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  CommandError,
  type Extent,
  type Geometry,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
} from '@nbdjs/interfaces';
import { Lifetime, requireGoing, requireInside, settleAll } from '@nbdjs/kit';
import type { ImageDevice, ImageFacts } from '../image-facts.ts';
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

/** The longest read in one piece, in bytes. */
const maximumBytes = 32 * 2 ** 20;
/** Pieces of one read that are under way at the same time. */
const piecesMax = 64;
/** Extents in one answer. */
const extentsMax = 4096;
/** Steps in the tables for one answer. Where an image is in tiny pieces of one status, the answer ends before the range does. */
const stepsMax = 65_536;

const abilities: Abilities = {
  readOnly: true,
  flush: false,
  fua: false,
  trim: false,
  writeZeroes: false,
  fastZero: false,
  cache: false,
  multiConn: true,
  rotational: false,
  contexts: [baseAllocation],
};

/** A read-only disk over the tables of an image. */
export class MappedDevice implements ImageDevice {
  readonly abilities = abilities;
  readonly geometry: Geometry;
  readonly image: ImageFacts;
  readonly #map: RunMap;
  readonly #owned: readonly BlockDevice[];
  readonly #life = new Lifetime();
  #inFlight = 0;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor({ image, map, preferredBytes, owned }: MappedDeviceParts) {
    this.image = image;
    this.#map = map;
    this.#owned = owned;
    this.geometry = {
      size: image.virtualBytes,
      minimumBlockSize: 1,
      preferredBlockSize: Math.min(maximumBytes, Math.max(4096, 2 ** Math.floor(Math.log2(preferredBytes)))),
      maximumBlockSize: maximumBytes,
    };
  }

  read(offset: Offset, target: Uint8Array, options: ReadOptions = {}): void | Promise<void> {
    const start = this.#enter(offset, target.length, options);
    if (target.length === 0) return undefined;
    return this.#during(() => this.#read(start, target, options));
  }

  write(offset: Offset, source: Uint8Array, options: Abortable = {}): void {
    this.#refuseChange(offset, source.length, options);
  }

  flush(options: Abortable = {}): void {
    this.#life.requireOpen();
    requireGoing(options);
  }

  trim(offset: Offset, length: Offset, options: Abortable = {}): void {
    this.#refuseChange(offset, length, options);
  }

  writeZeroes(offset: Offset, length: Offset, options: Abortable = {}): void {
    this.#refuseChange(offset, length, options);
  }

  cache(offset: Offset, length: Offset, options: Abortable = {}): void {
    this.#enter(offset, length, options);
  }

  async blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): Promise<readonly MetaContextExtents[]> {
    const start = this.#enter(offset, length, options);
    if (Number(length) === 0) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    if (options.contexts !== undefined && !options.contexts.includes(baseAllocation)) return [];
    const extents = await this.#during(() => this.#extents(start, Number(length), options));
    return [{ context: baseAllocation, extents }];
  }

  /** Closes the devices of the image, too. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#life.end();
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await settleAll(this.#owned.map((device) => device.close()));
  }

  #enter(offset: Offset, length: Offset, options: Abortable): number {
    this.#life.requireOpen();
    requireGoing(options);
    return Number(requireInside(this.geometry.size, offset, length)[0]);
  }

  #refuseChange(offset: Offset, length: Offset, options: Abortable): void {
    this.#enter(offset, length, options);
    throw new UsageError('ERR_NBD_READ_ONLY', 'the image is open for reading only');
  }

  async #during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#inFlight++;
    try {
      return await work();
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#onIdle?.();
    }
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

  async #extents(start: number, length: number, options: BlockStatusOptions): Promise<readonly Extent[]> {
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
