/** How many reads of a stream are in flight, and how long each is. */
import type { BlockDevice, Clock } from '@nbdjs/interfaces';
import { QueueDepth } from '@nbdjs/kit';
import type { ReadStreamSettings } from './stream-options.ts';

const requestBytesDefault = 256 * 1024;

/** With more than this in flight, the server is far away, and longer requests cost less and delay nothing. */
const nearBytesMax = 16 * 2 ** 20;
const longRequests = 4;

export interface ReadPacing {
  /** Reads of `requestBytes` in flight at most. */
  readonly limit: number;
  /** Length of a read in bytes. */
  readonly requestBytes: number;
  /** How many times as long the next read may be. */
  readonly requestsAtOnce: number;
  /** The present time in milliseconds. */
  now(): number;
  /** A read, so many times as long, has ended that began at `startMs`. */
  completed(startMs: number, requestsAtOnce: number): void;
}

export function readPacing(device: BlockDevice, settings: ReadStreamSettings, clock: Clock): ReadPacing {
  const { maximumBlockSize } = device.geometry;
  const requestBytes = Math.min(settings.requestSize ?? requestBytesDefault, maximumBlockSize);
  if (settings.requests !== 'auto') return new FixedPacing(settings.requests, requestBytes);
  const isFree = settings.requestSize === undefined && maximumBlockSize >= longRequests * requestBytes;
  return new FollowingPacing(settings.queueBytesMax, requestBytes, isFree ? longRequests : 1, clock);
}

/** Always the same. */
class FixedPacing implements ReadPacing {
  readonly limit: number;
  readonly requestBytes: number;
  readonly requestsAtOnce = 1;

  constructor(requests: number, requestBytes: number) {
    this.limit = requests;
    this.requestBytes = requestBytes;
  }

  now(): number {
    return 0;
  }

  completed(): void {}
}

/** As the link asks for. */
class FollowingPacing implements ReadPacing {
  readonly requestBytes: number;
  readonly #depth: QueueDepth;
  readonly #longRequests: number;
  readonly #clock: Clock;

  constructor(bytesMax: number, requestBytes: number, longest: number, clock: Clock) {
    this.requestBytes = requestBytes;
    const requestsMax = Math.floor(bytesMax / requestBytes);
    // The last long request may reach above the depth.
    const aboveMax = requestsMax * requestBytes > nearBytesMax ? longest - 1 : 0;
    this.#depth = new QueueDepth(Math.max(1, requestsMax - aboveMax), requestBytes);
    this.#longRequests = longest;
    this.#clock = clock;
  }

  get limit(): number {
    return this.#depth.limit;
  }

  get requestsAtOnce(): number {
    return this.#depth.limit * this.requestBytes > nearBytesMax ? this.#longRequests : 1;
  }

  now(): number {
    return this.#clock.now();
  }

  completed(startMs: number, requestsAtOnce: number): void {
    this.#depth.completed(startMs, this.#clock.now(), requestsAtOnce);
  }
}
