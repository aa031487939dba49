/** Decides from time to time whether a client makes progress, and for how long it may make none. Reads no clock and ends no connection. */
import type { ServerSettings } from '../server-settings.ts';
import type { CutOffReason } from '../statistics/client-counts.ts';
import { ProgressMeter } from './progress-meter.ts';

/** What a client is doing at one moment. All counts are sums since the beginning. */
export interface ClientSample {
  /** Whether the client has begun a request, and it is its turn to go on. */
  readonly isSending: boolean;
  readonly receivedBytes: number;
  readonly requestCount: number;
  /** Bytes of replies that wait for the client. */
  readonly unsentBytes: number;
  /** Bytes of replies that the client has read. */
  readonly readBytes: number;
  /** How often all replies were read. */
  readonly drainCount: number;
  /** Whether the client could send a request, and nothing else is under way. */
  readonly isIdle: boolean;
  /** Payload memory that the client holds, in bytes. */
  readonly heldBytes: number;
  /** Whether other clients have waited for memory for a while. */
  readonly isMemoryShort: boolean;
  /** Whether other clients wait for a place. */
  readonly isPlaceWanted: boolean;
}

/** Why a client has to go. An idle one is sent away in good order, any other is cut off. */
export interface StallVerdict {
  readonly reason: CutOffReason;
  readonly message: string;
}

type StallLimits = Pick<
  ServerSettings,
  'stallMs' | 'sendStallMs' | 'pressureMs' | 'placeMs' | 'idleMs' | 'progressBytesMin'
>;

export class StallDetector {
  readonly #limits: StallLimits;
  readonly #sending: ProgressMeter;
  readonly #reading: ProgressMeter;
  readonly #idling = new ProgressMeter(1);

  constructor(limits: StallLimits) {
    this.#limits = limits;
    this.#sending = new ProgressMeter(limits.progressBytesMin);
    this.#reading = new ProgressMeter(limits.progressBytesMin);
  }

  /** Takes a sample; returns why the client has to go, or `undefined` while it may stay. `now` is in milliseconds. */
  judge(now: number, sample: ClientSample): StallVerdict | undefined {
    const { stallMs, sendStallMs, pressureMs, placeMs, idleMs } = this.#limits;
    const { isSending, receivedBytes, requestCount, unsentBytes, readBytes, drainCount, heldBytes } = sample;
    const stalledMs = this.#sending.standstillMs(now, isSending, receivedBytes, requestCount);
    const unreadMs = this.#reading.standstillMs(now, unsentBytes > 0, readBytes, drainCount);
    const idleForMs = this.#idling.standstillMs(now, sample.isIdle, receivedBytes, 0);
    const standstillMs = Math.max(stalledMs, unreadMs);
    if (isOver(stalledMs, stallMs)) {
      return {
        reason: 'stall',
        message: `the client has sent a part of a request, and nothing more for ${stallMs} ms`,
      };
    }
    if (isOver(unreadMs, sendStallMs)) {
      return { reason: 'unread', message: `the client has not read its replies for ${sendStallMs} ms` };
    }
    if (sample.isMemoryShort && heldBytes > 0 && isOver(standstillMs, pressureMs)) {
      const message = `the client makes no progress and holds ${heldBytes} bytes of memory that others wait for`;
      return { reason: 'pressure', message };
    }
    if (sample.isPlaceWanted && isOver(standstillMs, placeMs)) {
      const message = `the client has made no progress for ${standstillMs} ms and has a place that others wait for`;
      return { reason: 'place', message };
    }
    if (isOver(idleForMs, idleMs)) {
      return { reason: 'idle', message: `the client has sent no request for ${idleMs} ms` };
    }
    return undefined;
  }
}

/** Whether a limit in milliseconds is reached; 0 is no limit. */
function isOver(elapsedMs: number, limitMs: number): boolean {
  return limitMs > 0 && elapsedMs >= limitMs;
}
