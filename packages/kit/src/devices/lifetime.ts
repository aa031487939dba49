import { UsageError } from '@nbdjs/interfaces';

/** Whether a device is open: calls after its end are refused. */
export class Lifetime {
  readonly #what: string;
  #isClosed = false;

  /** `what`: the device in messages. */
  constructor(what = 'the device') {
    this.#what = what;
  }

  /** Whether it has ended. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws UsageError `ERR_NBD_CLOSED` after the end. */
  requireOpen(): void {
    if (this.#isClosed) throw new UsageError('ERR_NBD_CLOSED', `${this.#what} is closed`);
  }

  /** Ends it. Returns `true` the first time. */
  end(): boolean {
    const isFirst = !this.#isClosed;
    this.#isClosed = true;
    return isFirst;
  }
}
