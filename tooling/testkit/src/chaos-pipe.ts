/**
 * One direction of a connection through a chaos proxy: a delay line that can stall, trickle, garble a byte, and end at any byte.
 *
 * What happens is counted in bytes that leave. What is delayed waits here and not in the kernel, so that a long delay costs no
 * throughput; only so many bytes wait, then the sender is pushed back.
 */
import type { Socket } from 'node:net';
import { BlockPool, type Piece } from './block-pool.ts';

/** What happens to a direction by itself. Places count the bytes of this direction, from 0. */
export interface ChaosPipePlan {
  /** The connection is cut when so many bytes have passed. @default never */
  readonly cutAt?: number | undefined;
  /** Nothing passes any more when so many bytes have, until `resume`. @default never */
  readonly stallAt?: number | undefined;
  /** This direction ends in order when so many bytes have passed; the other one goes on. @default with its sender */
  readonly endAt?: number | undefined;
  /** The byte at this place arrives inverted. @default none */
  readonly corruptAt?: number | undefined;
  /** Each byte takes so long, in milliseconds. @default 0 */
  readonly delayMs?: number | undefined;
  /** So many bytes pass in a second. @default as many as can */
  readonly bytesPerSecond?: number | undefined;
}

/** What all pipes of one direction have in common. */
export interface ChaosTotal {
  /** Bytes that have passed, by all connections. */
  bytes: number;
  /** The connection that brings the total to this is cut. */
  cutAt: number;
}

/** The events that a pipe reports to its connection. */
export interface ChaosPipeEvents {
  /** The connection is to be cut. */
  cut(): void;
  /** Nothing will pass any more. */
  over(): void;
}

/** Bytes that may wait in one direction: a twentieth of a second at 1 GB/s, and more. */
const waitingBytesMax = 64 * 2 ** 20;

/** Entries at the front of the line that have passed are cut off when they are many. */
const passedMax = 4096;

/** At a given pace, bytes leave so often at most, in milliseconds. */
const paceMs = 10;

interface Waiting extends Piece {
  readonly dueMs: number;
}

export class ChaosPipe {
  cutAt: number;
  stallAt: number;
  endAt: number;
  corruptAt: number;
  delayMs: number;
  bytesPerSecond: number;
  /** The most bytes that ever waited. */
  waitingBytesHigh = 0;
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #total: ChaosTotal;
  readonly #events: ChaosPipeEvents;
  #bytes = 0;
  readonly #pool = new BlockPool();
  #line: Waiting[] = [];
  #front = 0;
  #waitingBytes = 0;
  #sourceHasEnded = false;
  #flow: 'flowing' | 'stalled' | 'over' = 'flowing';
  #isBlocked = false;
  /** Since when bytes leave at a pace, and how many have. */
  #paceSinceMs = 0;
  #pacedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: Socket, target: Socket, plan: ChaosPipePlan, total: ChaosTotal, events: ChaosPipeEvents) {
    const never = Number.POSITIVE_INFINITY;
    this.cutAt = plan.cutAt ?? never;
    this.stallAt = plan.stallAt ?? never;
    this.endAt = plan.endAt ?? never;
    this.corruptAt = plan.corruptAt ?? -1;
    this.delayMs = plan.delayMs ?? 0;
    this.bytesPerSecond = plan.bytesPerSecond ?? never;
    this.#source = source;
    this.#target = target;
    this.#total = total;
    this.#events = events;
  }

  /** Bytes that have passed. */
  get bytes(): number {
    return this.#bytes;
  }

  get isStalled(): boolean {
    return this.#flow === 'stalled';
  }

  /** From now on bytes pass. */
  start(): void {
    const [source, target] = [this.#source, this.#target];
    source.on('data', (bytes) => this.#take(bytes as Buffer));
    // The end, of either kind, comes after the bytes that wait.
    const ended = (): void => {
      this.#sourceHasEnded = true;
      this.#pump();
    };
    source.on('end', ended).on('close', ended);
    target.on('drain', () => {
      this.#isBlocked = false;
      this.#pump();
    });
    target.on('close', () => {
      this.stop();
      this.#events.over();
    });
    this.#pump();
  }

  /** Whether nothing waits. */
  get isIdle(): boolean {
    return this.#waitingBytes === 0 && !this.isStalled;
  }

  get isOver(): boolean {
    return this.#flow === 'over';
  }

  /** Lets nothing pass, and reads nothing. */
  stall(): void {
    if (this.#flow === 'flowing') this.#flow = 'stalled';
    this.#source.pause();
  }

  /** Goes on after a stall. */
  resume(): void {
    if (this.#bytes >= this.stallAt) this.stallAt = Number.POSITIVE_INFINITY;
    if (this.#flow === 'stalled') this.#flow = 'flowing';
    this.#pump();
  }

  /** Ends this direction in order; what waits is dropped. */
  end(): void {
    if (this.isOver) return;
    this.stop();
    this.#target.end();
    // A sender that goes on must not be blocked by it.
    this.#source.resume();
    this.#events.over();
  }

  /** The connection is over. */
  stop(): void {
    this.#flow = 'over';
    clearTimeout(this.#timer);
    this.#line = [];
    this.#front = 0;
    this.#waitingBytes = 0;
  }

  #take(bytes: Uint8Array): void {
    if (this.isOver) return;
    const dueMs = this.delayMs === 0 ? 0 : performance.now() + this.delayMs;
    for (const piece of this.#pool.keep(bytes)) this.#line.push({ ...piece, dueMs });
    this.#waitingBytes += bytes.length;
    this.waitingBytesHigh = Math.max(this.waitingBytesHigh, this.#waitingBytes);
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (this.#flow === 'flowing') {
      if (this.#hasEvent()) continue;
      if (this.#isBlocked) break;
      const waitMs = this.#step();
      if (waitMs === 0) continue;
      if (waitMs !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs));
      break;
    }
    this.#pushBack();
  }

  /** Whether something was to happen after so many bytes. Then it has. */
  #hasEvent(): boolean {
    if (this.#bytes >= this.cutAt || this.#total.bytes >= this.#total.cutAt) {
      this.stop();
      this.#events.cut();
    } else if (this.#bytes >= this.endAt) {
      this.end();
    } else if (this.#bytes >= this.stallAt) {
      this.stall();
    } else {
      return false;
    }
    return true;
  }

  /** Lets something pass, and gives 0; otherwise tells for how many milliseconds nothing can. */
  #step(): number {
    const first = this.#first;
    if (first === undefined) {
      if (this.#sourceHasEnded) this.end();
      return Number.POSITIVE_INFINITY;
    }
    const now = performance.now();
    if (first.dueMs > now) return first.dueMs - now;
    const { block, start } = first;
    const limit = start + this.#allowedBytes(now);
    if (limit === start) return Math.max(paceMs, 1000 / this.bytesPerSecond);
    // All that is due and lies side by side leaves at once.
    let end = start;
    let count = 0;
    for (let next = first as Waiting | undefined; next?.block === block && next.dueMs <= now; next = this.#first) {
      if (next.end > limit) {
        this.#line[this.#front] = { ...next, start: limit };
        end = limit;
        break;
      }
      end = next.end;
      count++;
      this.#front++;
    }
    this.#forgetPassed();
    this.#pass(block.bytes.subarray(start, end), () => this.#pool.release(block, count));
    return 0;
  }

  get #first(): Waiting | undefined {
    return this.#line[this.#front];
  }

  #forgetPassed(): void {
    if (this.#front < this.#line.length && this.#front < passedMax) return;
    this.#line = this.#line.slice(this.#front);
    this.#front = 0;
  }

  /** How many bytes may pass before something else happens. */
  #allowedBytes(now: number): number {
    const { bytes, cutAt } = this.#total;
    const untilEvent = Math.min(Math.min(this.cutAt, this.endAt, this.stallAt) - this.#bytes, cutAt - bytes);
    if (this.bytesPerSecond === Number.POSITIVE_INFINITY) {
      this.#paceSinceMs = 0;
      return untilEvent;
    }
    if (this.#paceSinceMs === 0) {
      this.#paceSinceMs = now;
      this.#pacedBytes = 0;
    }
    const due = Math.floor(((now - this.#paceSinceMs) / 1000) * this.bytesPerSecond) - this.#pacedBytes;
    const paced = Math.min(untilEvent, Math.max(due, 0));
    this.#pacedBytes += paced;
    return paced;
  }

  #pass(bytes: Uint8Array, sent: () => void): void {
    const place = this.corruptAt - this.#bytes;
    if (place >= 0 && place < bytes.length) bytes[place] = 0xff ^ (bytes[place] as number);
    this.#bytes += bytes.length;
    this.#total.bytes += bytes.length;
    this.#waitingBytes -= bytes.length;
    if (!this.#target.write(bytes, sent)) this.#isBlocked = true;
  }

  #pushBack(): void {
    if (this.isOver) return;
    const isFull = this.delayMs === 0 ? this.#waitingBytes > 0 : this.#waitingBytes >= waitingBytesMax;
    if (this.isStalled || isFull) this.#source.pause();
    else this.#source.resume();
  }
}
