/** A connector whose every move is the test's. */
import { ConnectError, type Connector, type Established, type EstablishOptions } from '@nbdjs/interfaces';

interface Waiter {
  readonly resolve: (established: Established) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Hands out what `connect` makes while it is up. While it is down, attempts fail with `error`; with `retry(true)` they are
 * repeated, so that who waits goes on waiting until `up` is called.
 */
export class FakeConnector implements Connector {
  /** What attempts fail with. */
  error: Error = new ConnectError('ERR_NBD_REFUSED', 'nobody listens');
  isReleased = false;
  /** The `wait` of each call, in order. */
  readonly calls: boolean[] = [];
  isRetrying = false;
  /** A connection that is ready for the next call without waiting. */
  #ready: Established | undefined;
  #isUp = true;
  #hasFailed = false;
  #waiter: Waiter | undefined;
  readonly #connect: () => Established;

  constructor(connect: () => Established) {
    this.#connect = connect;
  }

  /** Whether somebody waits. */
  get isWaitedFor(): boolean {
    return this.#waiter !== undefined;
  }

  /** Attempts fail from now on. */
  down(error = this.error): void {
    this.#isUp = false;
    this.#hasFailed = true;
    this.error = error;
  }

  /** Attempts succeed from now on; one that is waited for does now. */
  up(): void {
    this.#isUp = true;
    this.#waiter?.resolve(this.#connect());
    this.#waiter = undefined;
  }

  /** Makes the attempt under way fail for good. */
  fail(error: Error): void {
    this.#waiter?.reject(error);
    this.#waiter = undefined;
  }

  /** Has a connection ready for a call that does not wait. */
  prepare(): void {
    this.#ready = this.#connect();
  }

  async establish({ wait, signal }: EstablishOptions): Promise<Established> {
    if (this.isReleased) throw new ConnectError('ERR_NBD_CONNECT', 'released');
    if (this.#waiter !== undefined) throw new Error('two callers wait at a time');
    this.calls.push(wait);
    signal?.throwIfAborted();
    if (!wait) return this.#takeReady();
    if (this.#isUp) return this.#connect();
    if (!this.isRetrying) throw this.error;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiter = undefined;
        reject(signal?.reason);
      };
      const settle = (): void => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiter = {
        resolve: (established) => {
          settle();
          resolve(established);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
    });
  }

  retry(on: boolean): void {
    this.isRetrying = on;
  }

  release(): void {
    this.isReleased = true;
    this.#ready = undefined;
  }

  /** As behind a real connector, the first call only starts an attempt. */
  #takeReady(): Established {
    const ready = this.#ready;
    this.#ready = undefined;
    if (ready !== undefined) return ready;
    if (this.#isUp) this.#ready = this.#connect();
    throw this.#hasFailed ? this.error : new ConnectError('ERR_NBD_CONNECT_NONE_YET', 'the first attempt is under way');
  }
}
