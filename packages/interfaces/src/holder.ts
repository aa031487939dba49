/** Sharing a device: each holder hears of every loss by himself. */
import type { Abortable, BlockDevice } from './block-device.ts';
import { WritesLostError } from './errors.ts';
import { isForeignLoss, isLoss, type Losses, LossLog } from './losses.ts';

/** What the holders of a device have found out together that does not count its losses itself. */
const logs = new WeakMap<BlockDevice, LossLog>();

function logOf(device: BlockDevice): LossLog {
  const log = logs.get(device) ?? new LossLog();
  logs.set(device, log);
  return log;
}

/**
 * One of those who use a device, and rely on its flush. Made when he begins to use it.
 */
export class Holder {
  readonly #device: BlockDevice;
  readonly #losses: Losses;
  /** The same, where the holders note failures for each other. */
  readonly #log: LossLog | undefined;
  #known: number;

  constructor(device: BlockDevice) {
    this.#device = device;
    this.#log = device.losses === undefined ? logOf(device) : undefined;
    this.#losses = device.losses ?? logOf(device);
    this.#known = this.#losses.toldCount;
  }

  /** How many losses the device has had; see `settle`. */
  get lossCount(): number {
    return this.#losses.count;
  }

  /**
   * Flushes for this holder.
   *
   * @throws what the device's `flush` throws, and when that succeeds, what this holder has not heard of yet: once.
   */
  flush(options?: Abortable): void | Promise<void> {
    const known = this.#known;
    const work = this.#device.flush(options);
    if (work === undefined) return this.#tellSince(known);
    return work.then(
      () => this.#tellSince(known),
      (error: unknown) => {
        const isAbort = options?.signal?.aborted === true && error === options.signal.reason;
        if (!isAbort && (this.#note(error) || isLoss(error))) this.#hasHeard();
        throw error;
      },
    );
  }

  /**
   * Flushes on behalf of one request that has just been carried out, and that cares for nothing else. Its holder has not heard
   * of older losses then, and his next `flush` will tell.
   *
   * @param lossCount `lossCount` from before the request.
   * @throws when the request's own effect may be lost.
   */
  settle(lossCount: number, options?: Abortable): void | Promise<void> {
    const work = this.#device.flush(options);
    if (work === undefined) return this.#requireNoneSince(lossCount);
    return work.then(
      () => this.#requireNoneSince(lossCount),
      (error: unknown) => {
        this.#note(error);
        // The flush itself has gone well, and tells of what was lost before.
        if (!(error instanceof WritesLostError)) throw error;
        this.#requireNoneSince(lossCount);
      },
    );
  }

  #requireNoneSince(lossCount: number): void {
    if (this.lossCount > lossCount) throw this.#losses.since(lossCount);
  }

  /** Tells the others, where the device does not. */
  #note(error: unknown): boolean {
    if (this.#log === undefined || (!isLoss(error) && !isForeignLoss(error))) return false;
    this.#log.add(error);
    return true;
  }

  #tellSince(known: number): void {
    if (this.lossCount <= known) return;
    this.#hasHeard();
    throw this.#losses.since(known);
  }

  #hasHeard(): void {
    this.#known = this.lossCount;
    this.#losses.told();
  }
}
