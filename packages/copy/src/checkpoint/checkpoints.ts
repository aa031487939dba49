/** Saves from time to time up to where a copy is done, so that it can be resumed there. */

export interface CheckpointOptions {
  /**
   * Begin here, in bytes: what lies before was copied earlier. The source's size, or a multiple of both sides' minimum
   * block size. @default 0
   */
  readonly startAt?: bigint | undefined;
  /** Time between two checkpoints, in milliseconds. @default 2000 */
  readonly everyMs?: number | undefined;
  /**
   * Saves that everything before `position` is in the target, and was flushed. The copy goes on meanwhile; an error ends
   * it. When a copy fails, or is stopped, this is called once more, if the target can still be flushed.
   */
  readonly save: (position: bigint) => void | Promise<void>;
}

const everyMsDefault = 2000;

export class Checkpoints {
  readonly #flush: () => Promise<void>;
  readonly #save: CheckpointOptions['save'];
  readonly #everyMs: number;
  #saved: bigint;
  #lastMs = Date.now();
  #saving: Promise<void> | undefined;

  /** `flush` makes durable what the target has taken. */
  constructor(flush: () => Promise<void>, { startAt = 0n, everyMs = everyMsDefault, save }: CheckpointOptions) {
    this.#flush = flush;
    this.#save = save;
    this.#everyMs = everyMs;
    this.#saved = startAt;
  }

  /** Makes a checkpoint of `position()`, when it is time and the previous one is saved. Everything before it is in the target. */
  offer(position: () => bigint, failed: (error: unknown) => void): void {
    if (this.#saving !== undefined || Date.now() - this.#lastMs < this.#everyMs) return;
    this.#saving = this.#make(position())
      .catch(failed)
      .finally(() => {
        this.#saving = undefined;
        this.#lastMs = Date.now();
      });
  }

  /** Makes a checkpoint now, even if the last one was just made. */
  async last(position: bigint): Promise<void> {
    await this.#saving;
    await this.#make(position);
  }

  /** Settles when no checkpoint is being made. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  /** The flush begins after the position was read, so it covers everything before the position. */
  async #make(position: bigint): Promise<void> {
    if (position <= this.#saved) return;
    await this.#flush();
    await this.#save(position);
    this.#saved = position;
  }
}
