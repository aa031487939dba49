/** Asks the source which of its parts are zero, and turns the answers into segments. */
import { AllocationStatus, type BlockDevice, baseAllocation, type Extent } from '@nbdjs/interfaces';
import { errorAt, extentsFrom, isMapFailure } from '@nbdjs/kit';
import { type CopySettings, shortBytes } from '../options.ts';
import type { CopySpeed } from './copy-speed.ts';
import { requestEnd } from './segment.ts';
import type { SegmentQueue } from './segment-queue.ts';

const mebi = 1n << 20n;
/** The first question is about this much, so that reading can begin soon. */
const windowStart = 4n * mebi;
/** After data that was read without its map, a question is about this much, to find out whether the map is of more use there. */
const windowSample = mebi / 2n;
/** After answers with fewer extents than this, the next question is about four times as much, or twice as much. */
const growFast = 64;
const growSlowly = 8192;
/** After answers with more, it is about half as much. */
const shrinkFrom = 32_768;
/**
 * A map with this many extents that saves less than this share of what it is about costs more than it is worth, where the copy
 * is fast. Then this many bytes are read without asking for their map: at first the least number, and twice as many each time that
 * it happens again.
 */
const fragmentsMin = 64;
const savedShareMin = 1 / 8;
const unaskedBytesMin = 32n * mebi;
const unaskedBytesMax = 128n * mebi;
/** A device whose answers are short is read without its map for up to this many requests. */
const unaskedRequestsMax = 64;

export interface MapReaderOptions {
  readonly source: BlockDevice;
  readonly settings: CopySettings;
  /** The queue that segments are added to. */
  readonly queue: SegmentQueue;
  readonly speed: CopySpeed;
  readonly start: bigint;
  readonly end: bigint;
  /** Boundaries between zeroes and data are moved outwards to multiples of this, in favour of data. In bytes. */
  readonly align: bigint;
}

export class MapReader {
  readonly #source: BlockDevice;
  readonly #settings: CopySettings;
  readonly #queue: SegmentQueue;
  readonly #speed: CopySpeed;
  readonly #end: bigint;
  readonly #align: bigint;
  /** The map has been asked for up to here. */
  #position: bigint;
  #lastIsZero: boolean | undefined;
  #window = windowStart;
  #question: Promise<void> | undefined;
  /** Bytes that are read without their map when the next map saves nothing. */
  #unaskedBytes = 0n;
  /** How much is read without its map when the next answer is too short, in requests. */
  #unaskedRequests = 1;
  /** Zeroes of the last answer that need not be read. */
  #savedBytes = 0n;

  constructor({ source, settings, queue, speed, start, end, align }: MapReaderOptions) {
    this.#source = source;
    this.#settings = settings;
    this.#queue = queue;
    this.#speed = speed;
    this.#end = end;
    this.#align = align;
    this.#position = start;
    if (settings.extents && source.abilities.contexts.includes(baseAllocation)) return;
    queue.add(end, false);
    this.#position = end;
  }

  /** Nothing is left to ask. */
  get isComplete(): boolean {
    return this.#position >= this.#end;
  }

  get isReading(): boolean {
    return this.#question !== undefined;
  }

  /**
   * Asks one question, unless one is open already; settles with its answer.
   *
   * @throws errors of the source, with the place in the message.
   */
  read(): Promise<void> {
    if (this.#question === undefined) {
      this.#question = this.#ask().finally(() => {
        this.#question = undefined;
      });
      // The error goes to those that wait for the answer, and again to those that ask next.
      this.#question.catch(() => {});
    }
    return this.#question;
  }

  async #ask(): Promise<void> {
    const left = this.#end - this.#position;
    const length = left < this.#window ? left : this.#window;
    const asking = extentsFrom(this.#source, baseAllocation, this.#position, length, this.#settings.signal);
    const extents = await asking.catch((error: unknown) => this.#withoutMap(error, length));
    for (const extent of extents) {
      // A hole that does not promise zeroes has to be read like data.
      this.#beginRun(extent.offset, (Number(extent.status & 0xffffn) & AllocationStatus.Zero) !== 0);
      this.#position = extent.offset + extent.length;
    }
    this.#adaptWindow(extents.length);
    this.#fillRequest(requestEnd(extents[0]?.offset ?? 0n, this.#settings.requestSize));
    this.#weigh(extents);
    if (this.isComplete) this.#beginRun(this.#end, undefined);
    else if (this.#lastIsZero === false) this.#add(this.#down(this.#position), false);
  }

  #adaptWindow(count: number): void {
    if (count < growSlowly) this.#window *= count < growFast ? 4n : 2n;
    else if (count > shrinkFrom && this.#window > windowStart) this.#window /= 2n;
  }

  /** Does not ask for the map for a while where it has no long zeroes and reading is fast. */
  #weigh(extents: readonly Extent[]): void {
    const toldBytes = extents.reduce((sum, { length }) => sum + length, 0n);
    const pendingBytes = this.#lastIsZero === true ? this.#position - this.#queue.end : 0n;
    const savedBytes = this.#savedBytes + (pendingBytes >= shortBytes ? toldBytes : 0n);
    this.#savedBytes = 0n;
    const isUseless = extents.length >= fragmentsMin && Number(savedBytes) < savedShareMin * Number(toldBytes);
    if (!isUseless || !this.#speed.isFast) {
      this.#unaskedBytes = 0n;
      return;
    }
    const more = this.#unaskedBytes === 0n ? unaskedBytesMin : 2n * this.#unaskedBytes;
    this.#unaskedBytes = more < unaskedBytesMax ? more : unaskedBytesMax;
    this.#window = windowSample;
    this.#readUnasked(this.#position + this.#unaskedBytes);
  }

  /**
   * A device that answers about less at a time than one request reads would be asked more often than it is read. So what it
   * left out is read without its map, and more of it each time.
   */
  #fillRequest(end: bigint): void {
    if (this.#position >= end) {
      this.#unaskedRequests = 1;
      return;
    }
    this.#readUnasked(end + BigInt((this.#unaskedRequests - 1) * this.#settings.requestSize));
    this.#unaskedRequests = Math.min(2 * this.#unaskedRequests, unaskedRequestsMax);
  }

  /** Counts what lies before `end` as data. */
  #readUnasked(end: bigint): void {
    this.#beginRun(this.#position, false);
    this.#position = end < this.#end ? end : this.#end;
  }

  /** A copy works without the map too, only slower: what is not known to be zero is data. */
  #withoutMap(error: unknown, length: bigint): readonly Extent[] {
    const offset = this.#position;
    if (!isMapFailure(error)) throw errorAt(error, `asking the source about ${offset}`);
    this.#settings.onMapFailure?.({ side: 'source', offset, length, error });
    return [{ offset, length, status: 0n }];
  }

  /** At `position` a run of zeroes or of data begins, or the end (`undefined`). A run of the other kind before it is complete. */
  #beginRun(position: bigint, isZero: boolean | undefined): void {
    if (isZero === this.#lastIsZero) return;
    if (this.#lastIsZero !== undefined) {
      const boundary = isZero === undefined ? position : this.#lastIsZero ? this.#down(position) : this.#up(position);
      this.#add(boundary, this.#lastIsZero);
    }
    this.#lastIsZero = isZero;
  }

  #add(end: bigint, isZero: boolean): void {
    const length = this.#queue.add(end, isZero);
    if (isZero && length >= shortBytes) this.#savedBytes += length;
  }

  #down(position: bigint): bigint {
    return position - (position % this.#align);
  }

  #up(position: bigint): bigint {
    const up = this.#down(position + this.#align - 1n);
    return up < this.#end ? up : this.#end;
  }
}
