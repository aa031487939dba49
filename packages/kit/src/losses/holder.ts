/** Sharing a device: each holder gets every loss reported. */
import { type Abortable, type BlockDevice, type Losses, WritesLostError } from '@nbdjs/interfaces';
import { isForeignLoss, isLoss, LossLog } from './loss-log.ts';

/** For devices that do not count their losses: the failures that their holders have seen. */
const logs = new WeakMap<BlockDevice, LossLog>();

function logOf(device: BlockDevice): LossLog {
  const log = logs.get(device) ?? new LossLog();
  logs.set(device, log);
  return log;
}

/** One user of a device that relies on its flush. Create it when the use begins. */
export class Holder {
  readonly #device: BlockDevice;
  readonly #losses: Losses;
  /** The same log, where the holders add failures for each other. */
  readonly #log: LossLog | undefined;
  #known: number;

  constructor(device: BlockDevice) {
    this.#device = device;
    this.#log = device.losses === undefined ? logOf(device) : undefined;
    this.#losses = device.losses ?? logOf(device);
    this.#known = this.#losses.toldCount;
  }

  /** The losses of the device so far; see `settle`. */
  get lossCount(): number {
    return this.#losses.count;
  }

  /**
   * Flushes for this holder.
   *
   * @throws what the device's `flush` throws; when that succeeds, the losses that were not reported to this holder yet, once.
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
   * Flushes on behalf of one request that has just been executed. Older losses are not reported here: the next `flush`
   * of this holder does that.
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
        // The flush itself succeeded, and reports what was lost before.
        if (!(error instanceof WritesLostError)) throw error;
        this.#requireNoneSince(lossCount);
      },
    );
  }

  #requireNoneSince(lossCount: number): void {
    if (this.lossCount > lossCount) throw this.#losses.since(lossCount);
  }

  /** Reports to the other holders, where the device does not. */
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
