/** How much of a budget is in use, by all accounts together. */
export interface BudgetTotal {
  /** Whether other budgets use the same total. */
  readonly isShared: boolean;
  readonly usedBytes: number;
  readonly accountCount: number;
  addAccounts(difference: 1 | -1): void;
  /** An account uses `afterBytes` instead of `beforeBytes`. */
  move(beforeBytes: number, afterBytes: number): void;
  /** The same if the total is at most `mostBytes` afterwards, or was 0 before. Returns whether it was done. */
  tryMove(beforeBytes: number, afterBytes: number, mostBytes: number): boolean;
  /** Whether accounts wait that belong to other budgets of the same total. */
  readonly doOthersWait: boolean;
  /** Says whether accounts of this budget wait. */
  setWaiting(isWaiting: boolean): void;
}

/** The total of a budget that has it to itself. */
export class OwnTotal implements BudgetTotal {
  readonly isShared = false;
  usedBytes = 0;
  accountCount = 0;
  readonly doOthersWait = false;

  addAccounts(difference: 1 | -1): void {
    this.accountCount += difference;
  }

  move(beforeBytes: number, afterBytes: number): void {
    this.usedBytes += afterBytes - beforeBytes;
  }

  tryMove(beforeBytes: number, afterBytes: number, mostBytes: number): boolean {
    const after = this.usedBytes + afterBytes - beforeBytes;
    if (this.usedBytes > 0 && after > mostBytes) return false;
    this.usedBytes = after;
    return true;
  }

  setWaiting(): void {}
}
