/** What there is to do: the source as a sequence of stretches to read or to zero, found out while the copy runs. */
import { AllocationStatus, type BlockDevice, baseAllocation } from '@nbdjs/interfaces';
import { extentsFrom } from './extents.ts';
import { failureAt } from './failure.ts';
import type { CopySettings } from './options.ts';

export interface Stretch {
  readonly offset: bigint;
  readonly length: bigint;
  /** Reads as zeroes, without having been read. */
  readonly isZero: boolean;
}

const mebi = 1n << 20n;
/** The first question is about this much; it grows while the answers are simple. */
const windowStart = 128n * mebi;
/** An answer of at most so many extents counts as simple. */
const simpleExtentsMax = 8;
/** With fewer stretches in store than that, the next question is asked. */
const storeMin = 256;
/** Stretches that are done with are cut off when they are that many. */
const storeCutOff = 4096;
/** Zeroes are dealt with in pieces of this size, or larger ones when that would be very many. */
const zeroPiece = 128n * mebi;
const zeroPiecesMax = 4096n;

export class Plan {
  readonly #source: BlockDevice;
  readonly #settings: CopySettings;
  readonly #size: bigint;
  readonly #align: bigint;
  readonly #asks: boolean;
  /** Extents with boundaries that suit both devices, not yet cut to requests. */
  readonly #store: Stretch[] = [];
  #storeFront = 0;
  /** How much of the front stretch has been handed out. */
  #frontTaken = 0n;
  /** Up to here the source has been asked about. */
  #asked = 0n;
  /** Up to here the stretches in store reach. */
  #stored = 0n;
  #lastIsZero: boolean | undefined;
  #window = windowStart;
  #question: Promise<void> | undefined;
  /** Where the stretches begin that are handed out and not done. */
  readonly #underWay = new Set<bigint>();
  #handedOut: bigint;
  #isOver = false;

  /**
   * `align`: boundaries between zeroes and data are moved outwards to multiples of this, in favour of data. `startAt`: what lies
   * before is none of the plan's; a multiple of `align`.
   */
  constructor(source: BlockDevice, size: bigint, align: bigint, settings: CopySettings, startAt = 0n) {
    this.#source = source;
    this.#settings = settings;
    this.#size = size;
    this.#align = align;
    this.#asks = settings.extents && source.abilities.contexts.includes(baseAllocation);
    this.#asked = startAt;
    this.#stored = startAt;
    this.#handedOut = startAt;
    if (!this.#asks && size > startAt) {
      this.#store.push({ offset: startAt, length: size - startAt, isZero: false });
      this.#asked = size;
    }
  }

  /** The next stretch, at once if there is one in store; `undefined` when all is handed out. */
  next(): Stretch | undefined | Promise<Stretch | undefined> {
    if (this.#isOver) return undefined;
    if (this.#store.length - this.#storeFront < storeMin && this.#asked < this.#size) this.#ask();
    if (this.#storeFront < this.#store.length) return this.#take();
    return this.#question === undefined ? undefined : this.#nextAnswered();
  }

  /** Nobody needs the rest. */
  end(): void {
    this.#isOver = true;
  }

  /** A stretch that was handed out is dealt with. */
  done({ offset }: Stretch): void {
    this.#underWay.delete(offset);
  }

  /** Everything before this has been dealt with. */
  get doneUpTo(): bigint {
    let position = this.#handedOut;
    for (const offset of this.#underWay) if (offset < position) position = offset;
    return position;
  }

  async #nextAnswered(): Promise<Stretch | undefined> {
    while (this.#storeFront === this.#store.length && this.#asked < this.#size) {
      this.#ask();
      await this.#question;
    }
    return this.#storeFront < this.#store.length ? this.#take() : undefined;
  }

  #take(): Stretch {
    const front = this.#store[this.#storeFront] as Stretch;
    const offset = front.offset + this.#frontTaken;
    const left = front.length - this.#frontTaken;
    const piece = front.isZero ? this.#zeroPiece(front.length) : this.#dataPiece(offset);
    const length = left < piece ? left : piece;
    if (length === left) {
      this.#storeFront++;
      this.#frontTaken = 0n;
      if (this.#storeFront >= storeCutOff) {
        this.#store.splice(0, this.#storeFront);
        this.#storeFront = 0;
      }
    } else {
      this.#frontTaken += length;
    }
    this.#underWay.add(offset);
    this.#handedOut = offset + length;
    return { offset, length, isZero: front.isZero };
  }

  /** Data goes in requests that end at multiples of their size. */
  #dataPiece(offset: bigint): bigint {
    const size = BigInt(this.#settings.requestSize);
    return size - (offset % size);
  }

  #zeroPiece(length: bigint): bigint {
    // Skipping takes no request, so it need not be cut.
    if (this.#settings.targetIsZero) return length;
    const share = length / zeroPiecesMax;
    return share <= zeroPiece ? zeroPiece : share - (share % zeroPiece) + zeroPiece;
  }

  #ask(): void {
    this.#question ??= this.#askOnce().finally(() => {
      this.#question = undefined;
    });
    // Whoever waits for it gets the error; so does whoever comes after.
    this.#question.catch(() => {});
  }

  async #askOnce(): Promise<void> {
    const left = this.#size - this.#asked;
    const length = left < this.#window ? left : this.#window;
    const extents = await extentsFrom(this.#source, baseAllocation, this.#asked, length, this.#settings.signal).catch(
      (error: unknown) => {
        throw failureAt(error, `asking the source about ${this.#asked}`);
      },
    );
    for (const extent of extents) {
      // A hole that does not promise zeroes has to be read like data.
      this.#keep(extent.offset, (Number(extent.status & 0xffffn) & AllocationStatus.Zero) !== 0);
      this.#asked = extent.offset + extent.length;
    }
    if (this.#asked >= this.#size) this.#keep(this.#size, undefined);
    if (extents.length <= simpleExtentsMax) this.#window *= 2n;
  }

  /** At `position` begins something else (or the end): what lies before goes into the store. */
  #keep(position: bigint, isZero: boolean | undefined): void {
    if (isZero === this.#lastIsZero) return;
    if (this.#lastIsZero !== undefined) {
      const boundary = isZero === undefined ? position : this.#lastIsZero ? this.#down(position) : this.#up(position);
      if (boundary > this.#stored) {
        this.#store.push({ offset: this.#stored, length: boundary - this.#stored, isZero: this.#lastIsZero });
        this.#stored = boundary;
      }
    }
    this.#lastIsZero = isZero;
  }

  #down(position: bigint): bigint {
    return position - (position % this.#align);
  }

  #up(position: bigint): bigint {
    const up = this.#down(position + this.#align - 1n);
    return up < this.#size ? up : this.#size;
  }
}

/** A number where it is exact: devices are quicker with those. */
export function plain(offset: bigint): number | bigint {
  return offset <= Number.MAX_SAFE_INTEGER ? Number(offset) : offset;
}
