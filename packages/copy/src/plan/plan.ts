/** What a copy has to do: the source as a sequence of segments to read or to zero, found out while the copy runs. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { type CopySettings, shortBytes } from '../options.ts';
import type { Crossing } from '../pacing/crossing.ts';
import { CopySpeed } from './copy-speed.ts';
import { MapReader } from './map-reader.ts';
import { requestEnd, type Segment } from './segment.ts';
import { SegmentQueue } from './segment-queue.ts';

const mebi = 1n << 20n;
/** With fewer segments in the queue than this, or fewer bytes, the next question is asked. */
const queueMin = 256;
const queueBytesMin = 128n * mebi;
/** The queue gets no more segments than this for the sake of their bytes. */
const queueMax = 16_384;
/** Zeroes are written in pieces of this size, or larger ones when there would be very many. */
const zeroPiece = 128n * mebi;
const zeroPiecesMax = 4096n;

export interface PlanOptions {
  /** What lies before is not part of the plan; a multiple of `align`. In bytes. @default 0 */
  readonly startAt?: bigint | undefined;
  /** Which gaps between data to read. @default those within one request */
  readonly crossing?: Crossing | undefined;
}

/** Where workers get what they have to do. */
export interface WorkPlan {
  /** The next segment, at once if one is known; `undefined` when all are handed out. */
  next(): Segment | undefined | Promise<Segment | undefined>;
  /** A segment that was handed out is done. */
  done(segment: Segment): void;
  /** Everything before this is done, in bytes. */
  readonly doneUpTo: bigint;
}

export class Plan implements WorkPlan {
  readonly #settings: CopySettings;
  readonly #crossing: Crossing | undefined;
  readonly #queue: SegmentQueue;
  readonly #map: MapReader;
  readonly #speed = new CopySpeed();
  /** The offsets of segments that are handed out and not done. */
  readonly #inFlight = new Set<bigint>();
  #handedOut: bigint;
  /** Whether the last segment that was handed out was data; `undefined` before the first. */
  #lastWasData: boolean | undefined;
  #isOver = false;

  /** `align`: boundaries between zeroes and data are moved outwards to multiples of this, in favour of data. In bytes. */
  constructor(
    source: BlockDevice,
    end: bigint,
    align: bigint,
    settings: CopySettings,
    { startAt = 0n, crossing }: PlanOptions = {},
  ) {
    this.#settings = settings;
    this.#crossing = crossing;
    this.#handedOut = startAt;
    this.#queue = new SegmentQueue(startAt);
    this.#map = new MapReader({ source, settings, queue: this.#queue, speed: this.#speed, start: startAt, end, align });
  }

  /** The next segment, at once if one is known; `undefined` when all are handed out. */
  next(): Segment | undefined | Promise<Segment | undefined> {
    if (this.#isOver) return undefined;
    if (!this.#map.isComplete && this.#runsLow) void this.#map.read();
    if (this.#canTake) return this.#take();
    return this.#map.isComplete && !this.#map.isReading ? undefined : this.#nextAnswered();
  }

  /** Ends the plan: no further segment is handed out. */
  end(): void {
    this.#isOver = true;
  }

  /** A segment that was handed out is done. */
  done({ offset, length }: Segment): void {
    this.#inFlight.delete(offset);
    this.#speed.completed(length);
  }

  /** Everything before this is done. */
  get doneUpTo(): bigint {
    let position = this.#handedOut;
    for (const offset of this.#inFlight) if (offset < position) position = offset;
    return position;
  }

  async #nextAnswered(): Promise<Segment | undefined> {
    while (!this.#canTake && !this.#map.isComplete) await this.#map.read();
    return this.#canTake ? this.#take() : undefined;
  }

  get #runsLow(): boolean {
    const { count, end } = this.#queue;
    return count < queueMin || (count < queueMax && end - this.#handedOut < queueBytesMin);
  }

  /** Whether the queue has a segment, and for data, all that the request may cover. */
  get #canTake(): boolean {
    const front = this.#queue.at(0);
    if (front === undefined) return false;
    if ((front.isZero && !this.#isShortGap()) || this.#map.isComplete) return true;
    return this.#requestEnd(this.#queue.position) <= this.#queue.end || this.#queue.count >= queueMax;
  }

  #take(): Segment {
    const front = this.#queue.at(0) as Segment;
    const offset = this.#queue.position;
    const isZero = front.isZero && !this.#isShortGap();
    const end = isZero ? this.#queue.take(offset + this.#zeroPiece(front.length, offset)) : this.#takeData(offset);
    this.#lastWasData = !isZero;
    this.#inFlight.add(offset);
    this.#speed.begin();
    this.#handedOut = end;
    return { offset, length: end - offset, isZero };
  }

  /** Takes data, including gaps that are too short for a request of their own. */
  #takeData(offset: bigint): bigint {
    const pieceEnd = this.#requestEnd(offset);
    let gapBytes = 0n;
    for (;;) {
      const end = this.#queue.take(pieceEnd);
      const gap = this.#queue.at(0);
      if (end < pieceEnd && gap !== undefined && (!gap.isZero || this.#readsGap(gap, pieceEnd))) {
        if (gap.isZero) gapBytes += gap.length;
        continue;
      }
      this.#crossing?.reads(Number(end - offset), Number(gapBytes));
      return end;
    }
  }

  #requestEnd(offset: bigint): bigint {
    return requestEnd(offset, this.#settings.requestSize);
  }

  /** Whether a request that ends at `pieceEnd` reads the zeroes behind its data, for the sake of the data behind those. */
  #readsGap(gap: Segment, pieceEnd: bigint): boolean {
    if (gap.length > this.#crossable) {
      if (gap.offset + gap.length < pieceEnd) this.#crossing?.stopsAt(Number(gap.length));
      return false;
    }
    const isFollowed = this.#queue.count > 1;
    return (isFollowed && gap.offset + gap.length < pieceEnd) || this.#isShortGap(true);
  }

  /** Whether the first segment is few zeroes beside data, which would take a request to be zeroed. */
  #isShortGap(isBehindData = this.#lastWasData): boolean {
    const gap = this.#queue.at(0) as Segment;
    if (!gap.isZero || this.#settings.targetIsZero || gap.length >= shortBytes || gap.length > this.#crossable)
      return false;
    const isFollowed = this.#queue.count > 1;
    return isFollowed ? isBehindData !== false : isBehindData === true && this.#map.isComplete;
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
}
