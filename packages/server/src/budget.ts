/**
 * Memory that all clients of a server share: whoever finds it used up waits for the others.
 *
 * Anybody may take from the first half. Of the second half each client has a share of its own, so that those who take much and
 * let go of nothing leave something for those who need little.
 */
import type { Defer } from '@nbdjs/interfaces';

export class Budget {
  readonly #bytes: number;
  readonly #nextTurn: Defer;
  readonly #task = (): void => this.#wake();
  readonly #accounts = new Set<Account>();
  /** Accounts that wait, longest first. */
  readonly #waiting = new Set<Account>();
  #isWakeScheduled = false;
  /** Something was given back since it was looked last. */
  #hasMoved = false;
  /** Gets what it wants, once. */
  #favoured: Account | undefined;
  usedBytes = 0;

  constructor(bytes: number, nextTurn: Defer) {
    this.#bytes = bytes;
    this.#nextTurn = nextTurn;
  }

  /** Whether somebody waits. */
  get isShort(): boolean {
    return this.#waiting.size > 0;
  }

  /** For a client; `retry` is called when it has waited, and there may be enough for what it wanted. */
  openAccount(retry: () => void): Account {
    const account = new Account(this, retry);
    this.#accounts.add(account);
    return account;
  }

  close(account: Account): void {
    this.#accounts.delete(account);
    this.#waiting.delete(account);
  }

  /** Nobody who is alone has to wait, however much it is. */
  fits(account: Account, bytes: number): boolean {
    if (account === this.#favoured) return true;
    const after = this.usedBytes + bytes;
    if (this.usedBytes === 0 || after <= this.#bytes / 2) return true;
    return after <= this.#bytes && account.usedBytes + bytes <= this.#bytes / 2 / this.#accounts.size;
  }

  wait(account: Account): void {
    this.#waiting.add(account);
  }

  stopWaiting(account: Account): void {
    this.#waiting.delete(account);
  }

  taken(account: Account): void {
    if (account === this.#favoured) this.#favoured = undefined;
  }

  /**
   * Called from time to time. When nothing moves, because all that there is belongs to requests that wait behind others, the one
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

  /** Those who wait are looked at once a turn: there may be many of them, and many answers in a turn. */
  freed(): void {
    this.#hasMoved = true;
    if (this.#waiting.size === 0 || this.#isWakeScheduled) return;
    this.#isWakeScheduled = true;
    this.#nextTurn(this.#task);
  }

  #wake(): void {
    this.#isWakeScheduled = false;
    for (const account of [...this.#waiting]) {
      // Whoever is called may take it all, or may not want it any more.
      if (this.#waiting.has(account) && this.fits(account, account.wantedBytes)) account.retry();
    }
  }
}

/** What one client has of the budget. */
export class Account {
  readonly retry: () => void;
  readonly #budget: Budget;
  /** What was asked for in vain, by what it is for. */
  readonly #wants = new Map<unknown, number>();
  usedBytes = 0;

  constructor(budget: Budget, retry: () => void) {
    this.#budget = budget;
    this.retry = retry;
  }

  /** The least of what it waits for. */
  get wantedBytes(): number {
    return Math.min(...this.#wants.values());
  }

  /** `false` when there is not so much left; then it waits, for that purpose among others. */
  take(bytes: number, purpose: unknown): boolean {
    if (!this.#budget.fits(this, bytes)) {
      this.#wants.set(purpose, bytes);
      this.#budget.wait(this);
      return false;
    }
    if (this.#wants.size > 0) this.#granted(purpose);
    this.takeAnyway(bytes);
    this.#budget.taken(this);
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
    this.#budget.freed();
  }

  /** The client is gone and uses nothing any more. */
  close(): void {
    this.stopWaiting();
    this.giveBack(this.usedBytes);
    this.#budget.close(this);
  }

  stopWaiting(): void {
    this.#wants.clear();
    this.#budget.stopWaiting(this);
  }

  /** What else it waits for comes behind what others have waited for. */
  #granted(purpose: unknown): void {
    if (!this.#wants.delete(purpose)) return;
    this.#budget.stopWaiting(this);
    if (this.#wants.size > 0) this.#budget.wait(this);
  }
}
