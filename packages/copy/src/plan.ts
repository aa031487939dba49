/** What there is to do: the source as a sequence of stretches to read or to zero, found out while the copy runs. */
import { AllocationStatus, type BlockDevice, baseAllocation, type Extent } from '@nbdjs/interfaces';
import { errorAt, extentsFrom, isMapFailure } from '@nbdjs/kit';
import type { Crossing } from './crossing.ts';
import { type CopySettings, shortBytes } from './options.ts';

export interface Stretch {
  readonly offset: bigint;
  readonly length: bigint;
  /** Reads as zeroes, without having been read. */
  readonly isZero: boolean;
}

const mebi = 1n << 20n;
/** The first question is about this much, so that reading can begin soon. */
const windowStart = 4n * mebi;
/** What was read unasked is followed by a question about this much, to find out whether the map is of more use there. */
const windowSample = mebi / 2n;
/** Answers with fewer extents let the questions grow, to four times as much or twice. */
const growFast = 64;
const growSlowly = 8192;
/** Answers with more make them smaller. */
const shrinkFrom = 32_768;
/** With fewer stretches in store than that, or fewer bytes, the next question is asked. */
const storeMin = 256;
const storeBytesMin = 128n * mebi;
/** More stretches than that are not kept in store for the sake of their bytes. */
const storeMax = 16_384;
/** Stretches that are done with are cut off when they are that many. */
const storeCutOff = 4096;
/**
 * A map with so many extents that saves less than this share of what it is about costs more than it is worth, where this many
 * bytes and more are copied in a millisecond. Then up to so many bytes are read unasked.
 */
const fragmentsMin = 64;
const savedShareMin = 1 / 8;
const fastBytesPerMs = 200_000;
const unaskedBytesMin = 32n * mebi;
const unaskedBytesMax = 128n * mebi;
/** A device that tells of little at a time is read unasked for so many requests. */
const unaskedMax = 64;
/** Zeroes are dealt with in pieces of this size, or larger ones when that would be very many. */
const zeroPiece = 128n * mebi;
const zeroPiecesMax = 4096n;
export interface PlanOptions {
  /** What lies before is none of the plan's; a multiple of `align`. @default 0 */
  readonly startAt?: bigint | undefined;
  /** Which gaps between data to read. @default those within one request */
  readonly crossing?: Crossing | undefined;
}

export class Plan {
  readonly #source: BlockDevice;
  readonly #settings: CopySettings;
  readonly #size: bigint;
  readonly #align: bigint;
  readonly #crossing: Crossing | undefined;
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
  /** What was handed out last, if anything. */
  #lastWasData: boolean | undefined;
  /** So much is read unasked when the next map saves nothing, in bytes. */
  #idleBytes = 0n;
  /** Zeroes of the last answer that need not be read. */
  #savedBytes = 0n;
  #doneBytes = 0n;
  #sinceMs: number | undefined;
  /** So many requests' worth is read unasked when the next answer is too short. */
  #unasked = 1;
  #isOver = false;

  /**
   * `align`: boundaries between zeroes and data are moved outwards to multiples of this, in favour of data.
   */
  constructor(
    source: BlockDevice,
    size: bigint,
    align: bigint,
    settings: CopySettings,
    { startAt = 0n, crossing }: PlanOptions = {},
  ) {
    this.#crossing = crossing;
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
    if (this.#isShort && this.#asked < this.#size) this.#ask();
    if (this.#canTake) return this.#take();
    return this.#asked < this.#size || this.#question !== undefined ? this.#nextAnswered() : undefined;
  }

  /** Nobody needs the rest. */
  end(): void {
    this.#isOver = true;
  }

  /** A stretch that was handed out is dealt with. */
  done({ offset, length }: Stretch): void {
    this.#underWay.delete(offset);
    this.#doneBytes += length;
  }

  /** Everything before this has been dealt with. */
  get doneUpTo(): bigint {
    let position = this.#handedOut;
    for (const offset of this.#underWay) if (offset < position) position = offset;
    return position;
  }

  async #nextAnswered(): Promise<Stretch | undefined> {
    while (!this.#canTake && this.#asked < this.#size) {
      this.#ask();
      await this.#question;
    }
    return this.#canTake ? this.#take() : undefined;
  }

  /** Whether the store runs low. */
  get #isShort(): boolean {
    const count = this.#store.length - this.#storeFront;
    return count < storeMin || (count < storeMax && this.#stored - this.#handedOut < storeBytesMin);
  }

  /** Whether there is something in store, and for data, all that the request may cover. */
  get #canTake(): boolean {
    const front = this.#store[this.#storeFront];
    if (front === undefined) return false;
    if (front.isZero && !this.#isShortGap(this.#storeFront)) return true;
    const isKnown = this.#asked >= this.#size || this.#pieceEnd(front.offset + this.#frontTaken) <= this.#stored;
    return isKnown || this.#store.length - this.#storeFront >= storeMax;
  }

  #take(): Stretch {
    const front = this.#store[this.#storeFront] as Stretch;
    const offset = front.offset + this.#frontTaken;
    const isZero = front.isZero && !this.#isShortGap(this.#storeFront);
    const end = isZero ? this.#takeZeroes(front, offset) : this.#takeData(offset);
    this.#lastWasData = !isZero;
    this.#underWay.add(offset);
    this.#sinceMs ??= Date.now();
    this.#handedOut = end;
    if (this.#storeFront >= storeCutOff) {
      this.#store.splice(0, this.#storeFront);
      this.#storeFront = 0;
    }
    return { offset, length: end - offset, isZero };
  }

  #takeZeroes(front: Stretch, offset: bigint): bigint {
    return this.#takeFront(front, offset + this.#zeroPiece(front.length, offset));
  }

  /** Data goes in requests that end at multiples of their size. */
  #pieceEnd(offset: bigint): bigint {
    const size = BigInt(this.#settings.requestSize);
    return offset + size - (offset % size);
  }

  /** Takes data, over gaps that are not worth a request of their own. */
  #takeData(offset: bigint): bigint {
    const pieceEnd = this.#pieceEnd(offset);
    let gapBytes = 0n;
    for (;;) {
      const end = this.#takeFront(this.#store[this.#storeFront] as Stretch, pieceEnd);
      const gap = this.#store[this.#storeFront];
      if (end < pieceEnd && gap !== undefined && (!gap.isZero || this.#reads(gap, pieceEnd))) {
        if (gap.isZero) gapBytes += gap.length;
        continue;
      }
      this.#crossing?.reads(Number(end - offset), Number(gapBytes));
      return end;
    }
  }

  /** Takes what is left of the first stretch, up to `end`; tells how far that was. */
  #takeFront({ offset, length }: Stretch, end: bigint): bigint {
    const frontEnd = offset + length;
    if (frontEnd > end) {
      this.#frontTaken = end - offset;
      return end;
    }
    this.#storeFront++;
    this.#frontTaken = 0n;
    return frontEnd;
  }

  /** Whether a request that ends at `pieceEnd` reads the zeroes behind its data, for the sake of the data behind those. */
  #reads(gap: Stretch, pieceEnd: bigint): boolean {
    if (gap.length > this.#crossable) {
      if (gap.offset + gap.length < pieceEnd) this.#crossing?.stopsAt(Number(gap.length));
      return false;
    }
    const isFollowed = this.#storeFront + 1 < this.#store.length;
    return (isFollowed && gap.offset + gap.length < pieceEnd) || this.#isShortGap(this.#storeFront, true);
  }

  /** Whether these are few zeroes beside data, which would take a request to be zeroed. */
  #isShortGap(index: number, isBehindData = this.#lastWasData): boolean {
    const { targetIsZero } = this.#settings;
    const gap = this.#store[index] as Stretch;
    if (!gap.isZero || targetIsZero || gap.length >= shortBytes || gap.length > this.#crossable) return false;
    const isFollowed = index + 1 < this.#store.length;
    return isFollowed ? isBehindData !== false : isBehindData === true && this.#asked >= this.#size;
  }

  /** Gaps up to this may be read, in bytes. */
  get #crossable(): number {
    return this.#crossing?.limit ?? this.#settings.requestSize;
  }

  /** Zeroes of `length` bytes in all go in pieces that end at multiples of their size. */
  #zeroPiece(length: bigint, offset: bigint): bigint {
    // Skipping takes no request, so it need not be cut.
    if (this.#settings.targetIsZero) return length;
    const share = length / zeroPiecesMax;
    const size = share <= zeroPiece ? zeroPiece : share - (share % zeroPiece) + zeroPiece;
    return size - (offset % size);
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
    const asking = extentsFrom(this.#source, baseAllocation, this.#asked, length, this.#settings.signal);
    const extents = await asking.catch((error: unknown) => this.#untold(error, length));
    for (const extent of extents) {
      // A hole that does not promise zeroes has to be read like data.
      this.#keep(extent.offset, (Number(extent.status & 0xffffn) & AllocationStatus.Zero) !== 0);
      this.#asked = extent.offset + extent.length;
    }
    const { length: count } = extents;
    if (count < growSlowly) this.#window *= count < growFast ? 4n : 2n;
    else if (count > shrinkFrom && this.#window > windowStart) this.#window /= 2n;
    this.#makeUpFor(this.#pieceEnd(extents[0]?.offset ?? 0n));
    this.#weigh(extents);
    if (this.#asked >= this.#size) this.#keep(this.#size, undefined);
    else if (this.#lastIsZero === false) this.#add(this.#down(this.#asked), false);
  }

  /** What a map without long zeroes costs is saved for a while, where reading is quick. */
  #weigh(extents: readonly Extent[]): void {
    const toldBytes = extents.reduce((sum, { length }) => sum + length, 0n);
    const pendingBytes = this.#lastIsZero === true ? this.#asked - this.#stored : 0n;
    const savedBytes = this.#savedBytes + (pendingBytes >= shortBytes ? toldBytes : 0n);
    this.#savedBytes = 0n;
    const isIdle = extents.length >= fragmentsMin && Number(savedBytes) < savedShareMin * Number(toldBytes);
    if (!isIdle || !this.#isFast) {
      this.#idleBytes = 0n;
      return;
    }
    const more = this.#idleBytes === 0n ? unaskedBytesMin : 2n * this.#idleBytes;
    this.#idleBytes = more < unaskedBytesMax ? more : unaskedBytesMax;
    this.#window = windowSample;
    this.#keep(this.#asked, false);
    const end = this.#asked + this.#idleBytes;
    this.#asked = end < this.#size ? end : this.#size;
  }

  /** As long as nothing is known, nothing tells against it. */
  get #isFast(): boolean {
    if (this.#sinceMs === undefined || this.#doneBytes === 0n) return true;
    return Number(this.#doneBytes) >= fastBytesPerMs * (Date.now() - this.#sinceMs);
  }

  /**
   * A device that tells of less at a time than one request reads would be asked more often than it is read from. So what it left
   * out is read without having been asked about, and more of it when that goes on.
   */
  #makeUpFor(pieceEnd: bigint): void {
    if (this.#asked >= pieceEnd) {
      this.#unasked = 1;
      return;
    }
    this.#keep(this.#asked, false);
    const end = pieceEnd + BigInt((this.#unasked - 1) * this.#settings.requestSize);
    this.#asked = end < this.#size ? end : this.#size;
    this.#unasked = Math.min(2 * this.#unasked, unaskedMax);
  }

  /** The map is a help, and nothing is lost but time when it cannot be had: what is not known to be zero is data. */
  #untold(error: unknown, length: bigint): readonly Extent[] {
    const offset = this.#asked;
    if (!isMapFailure(error)) throw errorAt(error, `asking the source about ${offset}`);
    this.#settings.onMapFailure?.({ side: 'source', offset, length, error });
    return [{ offset, length, status: 0n }];
  }

  /** At `position` begins something else (or the end): what lies before goes into the store. */
  #keep(position: bigint, isZero: boolean | undefined): void {
    if (isZero === this.#lastIsZero) return;
    if (this.#lastIsZero !== undefined) {
      const boundary = isZero === undefined ? position : this.#lastIsZero ? this.#down(position) : this.#up(position);
      this.#add(boundary, this.#lastIsZero);
    }
    this.#lastIsZero = isZero;
  }

  #add(end: bigint, isZero: boolean): void {
    if (end <= this.#stored) return;
    const length = end - this.#stored;
    this.#store.push({ offset: this.#stored, length, isZero });
    if (isZero && length >= shortBytes) this.#savedBytes += length;
    this.#stored = end;
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
