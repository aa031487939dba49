/** The life of an open file: calls under way, closing after them, and closing at once. */
import { close } from 'node:fs';
import { promisify } from 'node:util';
import { UsageError } from '@nbdjs/interfaces';
import { Lifetime } from '@nbdjs/kit';

export class FileLife {
  readonly #fd: number;
  readonly #life = new Lifetime();
  /** Calls under way; the descriptor is closed when there are none. */
  #busyCount = 0;
  #whenIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #destroyedBy: Error | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get isClosed(): boolean {
    return this.#life.isClosed;
  }

  /** What `destroy` was called with. */
  get destroyedBy(): Error | undefined {
    return this.#destroyedBy;
  }

  requireOpen(): void {
    this.#life.requireOpen();
  }

  /** @throws what `destroy` was called with. */
  requireNotDestroyed(): void {
    if (this.#destroyedBy !== undefined) throw this.#destroyedBy;
  }

  /** Runs work that `close` waits for. */
  async during(work: () => Promise<void>): Promise<void> {
    this.#busyCount++;
    try {
      await work();
    } finally {
      this.#busyCount--;
      if (this.#busyCount === 0) this.#whenIdle?.();
    }
  }

  /** Refuses further calls, waits for those that are under way, and closes the descriptor. May be called more than once. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Closes, and makes long calls stop where they are, with `cause`. */
  destroy(cause: Error = new UsageError('ERR_NBD_CLOSED', 'the device was closed')): void {
    this.#destroyedBy ??= cause;
    void this.close().catch(() => {});
  }

  async #close(): Promise<void> {
    this.#life.end();
    if (this.#busyCount > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await promisify(close)(this.#fd);
  }
}
