/**
 * Payload memory that all clients of a server share. A client that finds it used up waits until others give some back.
 *
 * Every client may take from the first half. The second half is divided evenly among the clients, so that a client that takes
 * much and gives nothing back leaves something for those that need little.
 */
import type { Defer } from '@nbdjs/interfaces';
import { type BudgetTotal, OwnTotal } from './budget-total.ts';

/** Where several budgets share one total. */
export interface SharedBudget {
  readonly total: BudgetTotal;
  /** Called at most once a turn when memory was given back that accounts of other budgets wait for. */
  readonly onFreed: () => void;
}

export class MemoryBudget {
  readonly #bytes: number;
  readonly #nextTurn: Defer;
  readonly #total: BudgetTotal;
  readonly #onFreed: () => void;
  readonly #wakeTask = (): void => this.#wake();
  readonly #accounts = new Set<MemoryAccount>();
  /** Accounts that wait, longest first. */
  readonly #waiting = new Set<MemoryAccount>();
  #isWakeScheduled = false;
  /** Whether accounts of other budgets may want what was given back here since the last wake. */
  #mustTellOthers = false;
  /** Whether memory was given back since the last `unstick`. */
  #hasMoved = false;
  /** Gets what it asks for, once. */
  #favoured: MemoryAccount | undefined;

  /** `shared` has the total that this budget shares with others; without it, it has one of its own. */
  constructor(bytes: number, nextTurn: Defer, shared: SharedBudget = { total: new OwnTotal(), onFreed: () => {} }) {
    this.#bytes = bytes;
    this.#nextTurn = nextTurn;
    this.#total = shared.total;
    this.#onFreed = shared.onFreed;
  }

  /** Bytes that all accounts use. */
  get usedBytes(): number {
    return this.#total.usedBytes;
  }

  /** Whether a client waits for memory. */
  get isShort(): boolean {
    return this.#waiting.size > 0 || this.#total.doOthersWait;
  }

  /** Opens an account for a client; `retry` is called when it has waited and there may be enough for what it wanted. */
  openAccount(retry: () => void): MemoryAccount {
    const account = new MemoryAccount(this, retry);
    this.#accounts.add(account);
    this.#total.addAccounts(1);
    return account;
  }

  close(account: MemoryAccount): void {
    if (this.#accounts.delete(account)) this.#total.addAccounts(-1);
    this.stopWaiting(account);
  }

  /** Takes bytes for an account, if it may have so much now. While nothing is in use, any amount fits. Returns whether it was taken. */
  take(account: MemoryAccount, bytes: number): boolean {
    const { usedBytes } = account;
    if (!this.#total.tryMove(usedBytes, usedBytes + bytes, this.#mostBytes(account, bytes))) return false;
    if (account === this.#favoured) this.#favoured = undefined;
    return true;
  }

  /** Notes what an account uses anyway, or has given back. */
  move(beforeBytes: number, afterBytes: number): void {
    this.#total.move(beforeBytes, afterBytes);
  }

  wait(account: MemoryAccount): void {
    this.#waiting.add(account);
    if (this.#waiting.size > 1) return;
    this.#total.setWaiting(true);
    // Another thread may have given memory back just before it could see that an account waits here.
    if (this.#total.isShared) this.#scheduleWake();
  }

  stopWaiting(account: MemoryAccount): void {
    if (this.#waiting.delete(account) && this.#waiting.size === 0) this.#total.setWaiting(false);
  }

  /** How much all accounts may use after this one has taken so much more. */
  #mostBytes(account: MemoryAccount, bytes: number): number {
    if (account === this.#favoured) return Number.POSITIVE_INFINITY;
    const isModest = account.usedBytes + bytes <= this.#bytes / 2 / this.#total.accountCount;
    return isModest ? this.#bytes : this.#bytes / 2;
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
    if (this.#total.doOthersWait) {
      this.#mustTellOthers = true;
      this.#scheduleWake();
    }
    this.noteFreedElsewhere();
  }

  /** The same for memory that an account of another budget of this total has given back. */
  noteFreedElsewhere(): void {
    this.#hasMoved = true;
    if (this.#waiting.size > 0) this.#scheduleWake();
  }

  #scheduleWake(): void {
    if (this.#isWakeScheduled) return;
    this.#isWakeScheduled = true;
    this.#nextTurn(this.#wakeTask);
  }

  #wake(): void {
    this.#isWakeScheduled = false;
    for (const account of [...this.#waiting]) {
      // An account that was called before may have taken all of it, and this one may have stopped waiting.
      if (this.#waiting.has(account) && this.#fits(account, account.wantedBytes)) account.retry();
    }
    if (!this.#mustTellOthers) return;
    this.#mustTellOthers = false;
    this.#onFreed();
  }

  #fits(account: MemoryAccount, bytes: number): boolean {
    const { usedBytes } = this.#total;
    return usedBytes === 0 || usedBytes + bytes <= this.#mostBytes(account, bytes);
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
    if (!this.#budget.take(this, bytes)) {
      this.#wants.set(purpose, bytes);
      this.#budget.wait(this);
      return false;
    }
    this.usedBytes += bytes;
    if (this.#wants.size > 0) this.#stopWaitingFor(purpose);
    return true;
  }

  /** For memory that is in use already. */
  takeAnyway(bytes: number): void {
    this.#budget.move(this.usedBytes, this.usedBytes + bytes);
    this.usedBytes += bytes;
  }

  giveBack(bytes: number): void {
    if (bytes === 0) return;
    this.#budget.move(this.usedBytes, this.usedBytes - bytes);
    this.usedBytes -= bytes;
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
