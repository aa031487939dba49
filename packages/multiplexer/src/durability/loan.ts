/** Memory of a caller that is needed for longer than the call that brought it. */
export class Loan {
  readonly #released: () => void;
  #users = 0;

  /** `released` is called once, when the last user is done, and never from within a call of the caller's. */
  constructor(released: () => void) {
    this.#released = released;
  }

  begin(): void {
    this.#users++;
  }

  end(): void {
    this.#users--;
    // What the caller's code does, or throws, is kept out of the delivery that is being dealt with.
    if (this.#users === 0) void Promise.resolve().then(this.#released);
  }
}

/** The payload of one request, in memory that its caller has lent. */
export class LentPayload {
  readonly bytes: Uint8Array;
  readonly #loan: Loan;
  /** Entries of the journal that need it. */
  #entryCount = 0;

  constructor(bytes: Uint8Array, loan: Loan) {
    this.bytes = bytes;
    this.#loan = loan;
  }

  retain(): void {
    if (this.#entryCount++ === 0) this.#loan.begin();
  }

  release(): void {
    if (this.#entryCount > 0 && --this.#entryCount === 0) this.#loan.end();
  }

  /** Returns the memory although entries still name it: they will not be replayed. */
  giveUp(): void {
    if (this.#entryCount > 0) this.#loan.end();
    this.#entryCount = 0;
  }
}
