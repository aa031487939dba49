/** The end of a device in order: what is under way is waited for, then the server hears a good-bye. */
import { TimeoutError } from '@nbdjs/interfaces';
import { Command } from '@nbdjs/protocol';
import type { ConnectionSet } from './connections/connection-set.ts';
import type { Reconnector } from './connections/reconnector.ts';
import type { Recovery } from './durability/recovery.ts';
import type { UnflushedWrites } from './durability/unflushed-writes.ts';
import { type Request, requestOf } from './requests/request.ts';
import type { RequestQueue } from './requests/request-queue.ts';
import type { MultiplexerSettings } from './settings.ts';

/** What a shutdown works on. */
export interface ShutdownParts {
  readonly queue: RequestQueue;
  readonly connections: ConnectionSet;
  readonly reconnector: Reconnector;
  readonly unflushed: UnflushedWrites;
  readonly recovery: Recovery;
  submit(request: Request): Promise<void>;
}

export class Shutdown {
  readonly #settings: MultiplexerSettings;
  readonly #parts: ShutdownParts;
  /** Calls that issue their requests one after the other and have not come to their end. */
  #callCount = 0;
  #closing: Promise<void> | undefined;
  #isDestroyed = false;
  /** Set while `close` waits until nothing is under way. */
  #reportIdle: (() => void) | undefined;

  constructor(settings: MultiplexerSettings, parts: ShutdownParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Whether `close` has been called. */
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** Waits for what is under way, says good-bye to the server and ends everything, for as long as `closeMs` allows. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends everything now. What is under way fails. */
  destroy(cause?: Error): void {
    this.#isDestroyed = true;
    this.#end(cause);
  }

  /** Runs something that issues requests one after the other: `close` waits for it as for a request. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#callCount++;
    try {
      return await work();
    } finally {
      this.#callCount--;
      this.checkIdle();
    }
  }

  /** To be called when something is over: it may have been the last thing that `close` waits for. */
  checkIdle(): void {
    if (this.#reportIdle === undefined || this.#callCount > 0) return;
    const { connections, queue, recovery } = this.#parts;
    if (recovery.isReplaying || connections.inFlight > 0 || !queue.isEmpty) return;
    this.#reportIdle();
    this.#reportIdle = undefined;
  }

  async #close(): Promise<void> {
    const { connections, reconnector, unflushed } = this.#parts;
    if (reconnector.state !== 'closed') await this.#finish();
    const cause = reconnector.closedBy;
    await connections.drained();
    if (this.#isDestroyed) return;
    if (cause !== undefined && unflushed.canReplay) unflushed.journal?.loseAll();
    unflushed.countLosses(cause);
    unflushed.requireNothingLost();
  }

  async #finish(): Promise<void> {
    const { connections, reconnector, unflushed } = this.#parts;
    const { clock, closeMs } = this.#settings;
    const expiry = new TimeoutError('close', `requests were still under way ${closeMs} ms after the call to close`);
    const cancel = clock.schedule(closeMs, () => this.#end(expiry));
    await this.#idle();
    if (connections.isEmpty) await this.#replayForLast(unflushed);
    cancel();
    reconnector.close();
    connections.retireAll();
  }

  /** No request has come since the connection was lost, but there may be writes that need replaying: by one more connection. */
  async #replayForLast({ canReplay, journal }: UnflushedWrites): Promise<void> {
    if (!canReplay || journal === undefined || journal.isEmpty) return;
    await this.#parts.submit(requestOf(Command.Flush, 0, 0n, 0n)).catch(() => {});
    if (!journal.isEmpty) journal.loseAll();
  }

  #idle(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#reportIdle = resolve;
      this.checkIdle();
    });
  }

  #end(cause: Error | undefined): void {
    const { connections, reconnector } = this.#parts;
    reconnector.close(cause);
    connections.destroyDraining(cause);
    connections.destroy(cause ?? new Error('the device was destroyed'));
  }
}
