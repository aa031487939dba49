/**
 * Payload memory that all clients of a server share. A client that finds it used up waits until others give some back.
 *
 * Every client may take from the first half. The second half is divided evenly among the clients, so that a client that takes
 * much and gives nothing back leaves something for those that need little.
 */
import type { Defer } from '@nbdjs/interfaces';

export class MemoryBudget {
  readonly #bytes: number;
  readonly #nextTurn: Defer;
  readonly #wakeTask = (): void => this.#wake();
  readonly #accounts = new Set<MemoryAccount>();
  /** Accounts that wait, longest first. */
  readonly #waiting = new Set<MemoryAccount>();
  #isWakeScheduled = false;
  /** Whether memory was given back since the last `unstick`. */
  #hasMoved = false;
  /** Gets what it asks for, once. */
  #favoured: MemoryAccount | undefined;
  usedBytes = 0;

  constructor(bytes: number, nextTurn: Defer) {
    this.#bytes = bytes;
    this.#nextTurn = nextTurn;
  }

  /** Whether a client waits for memory. */
  get isShort(): boolean {
    return this.#waiting.size > 0;
  }

  /** Opens an account for a client; `retry` is called when it has waited and there may be enough for what it wanted. */
  openAccount(retry: () => void): MemoryAccount {
    const account = new MemoryAccount(this, retry);
    this.#accounts.add(account);
    return account;
  }

  close(account: MemoryAccount): void {
    this.#accounts.delete(account);
    this.#waiting.delete(account);
  }

  /** Whether an account may take so much now. While nothing is in use, any amount fits. */
  fits(account: MemoryAccount, bytes: number): boolean {
    if (account === this.#favoured) return true;
    const after = this.usedBytes + bytes;
    if (this.usedBytes === 0 || after <= this.#bytes / 2) return true;
    return after <= this.#bytes && account.usedBytes + bytes <= this.#bytes / 2 / this.#accounts.size;
  }

  wait(account: MemoryAccount): void {
    this.#waiting.add(account);
  }

  stopWaiting(account: MemoryAccount): void {
    this.#waiting.delete(account);
  }

  noteTaken(account: MemoryAccount): void {
    if (account === this.#favoured) this.#favoured = undefined;
  }

  /**
   * Called from time to time. When nothing moves, because all memory belongs to requests that wait behind others, the account
   * that has waited longest goes on nevertheless.
   */
  unstick(): void {
    const [longest] = this.#waiting;
    if (longest !== undefined && !this.#hasMoved && this.usedBytes <= this.#bytes) {
      this.#favoured = longest;
      longest.retry();
      this.#favoured = undefined;
    }
    this.#hasMoved = false;
  }

  /** Wakes those that wait once a turn: there may be many of them, and many replies in one turn. */
  noteFreed(): void {
    this.#hasMoved = true;
    if (this.#waiting.size === 0 || this.#isWakeScheduled) return;
    this.#isWakeScheduled = true;
    this.#nextTurn(this.#wakeTask);
  }

  #wake(): void {
    this.#isWakeScheduled = false;
    for (const account of [...this.#waiting]) {
      // An account that was called before may have taken all of it, and this one may have stopped waiting.
      if (this.#waiting.has(account) && this.fits(account, account.wantedBytes)) account.retry();
    }
  }
}

/** The share of the budget that one client uses. */
export class MemoryAccount {
  readonly retry: () => void;
  readonly #budget: MemoryBudget;
  /** Bytes that were refused, by what they are for. */
  readonly #wants = new Map<unknown, number>();
  usedBytes = 0;

  constructor(budget: MemoryBudget, retry: () => void) {
    this.#budget = budget;
    this.retry = retry;
  }

  /** The least of what it waits for, in bytes. */
  get wantedBytes(): number {
    return Math.min(...this.#wants.values());
  }

  /** Returns whether there is enough; if not, the account waits, for that purpose among others. */
  take(bytes: number, purpose: unknown): boolean {
    if (!this.#budget.fits(this, bytes)) {
      this.#wants.set(purpose, bytes);
      this.#budget.wait(this);
      return false;
    }
    if (this.#wants.size > 0) this.#stopWaitingFor(purpose);
    this.takeAnyway(bytes);
    this.#budget.noteTaken(this);
    return true;
  }

  /** For memory that is in use already. */
  takeAnyway(bytes: number): void {
    this.usedBytes += bytes;
    this.#budget.usedBytes += bytes;
  }

  giveBack(bytes: number): void {
    if (bytes === 0) return;
    this.usedBytes -= bytes;
    this.#budget.usedBytes -= bytes;
    this.#budget.noteFreed();
  }

  /** The client is gone and uses no memory any more. */
  close(): void {
    this.stopWaiting();
    this.giveBack(this.usedBytes);
    this.#budget.close(this);
  }

  stopWaiting(): void {
    this.#wants.clear();
    this.#budget.stopWaiting(this);
  }

  /** What else it waits for goes to the end of the queue. */
  #stopWaitingFor(purpose: unknown): void {
    if (!this.#wants.delete(purpose)) return;
    this.#budget.stopWaiting(this);
    if (this.#wants.size > 0) this.#budget.wait(this);
  }
}
