/** A connector for tests: the test decides when attempts succeed, fail or wait. */
import { ConnectError, type Connector, type Established, type EstablishOptions } from '@nbdjs/interfaces';

interface Waiter {
  readonly resolve: (established: Established) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Hands out what `connect` makes while it is up. While it is down, attempts fail with `error`; with `retry(true)` they are
 * repeated, so that a caller that waits goes on waiting until `up` is called.
 */
export class FakeConnector implements Connector {
  /** What attempts fail with. */
  error: Error = new ConnectError('ERR_NBD_REFUSED', 'nothing listens there');
  isReleased = false;
  /** The `wait` of each call, in order. */
  readonly calls: boolean[] = [];
  isRetrying = false;
  /** A connection that is ready for the next call without waiting. */
  #ready: Established | undefined;
  #reach: 'up' | 'down' | 'up again' = 'up';
  #waiter: Waiter | undefined;
  readonly #connect: () => Established;

  constructor(connect: () => Established) {
    this.#connect = connect;
  }

  /** Whether a caller waits. */
  get isWaitedFor(): boolean {
    return this.#waiter !== undefined;
  }

  /** Attempts fail from now on. */
  down(error = this.error): void {
    this.#reach = 'down';
    this.error = error;
  }

  /** Attempts succeed from now on; one that is waited for does now. */
  up(): void {
    if (this.#reach === 'down') this.#reach = 'up again';
    this.#waiter?.resolve(this.#connect());
    this.#waiter = undefined;
  }

  /** Makes the attempt under way fail with a permanent error. */
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
    if (this.#reach !== 'down') return this.#connect();
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
    if (this.#reach !== 'down') this.#ready = this.#connect();
    if (this.#reach !== 'up') throw this.error;
    throw new ConnectError('ERR_NBD_CONNECT_NONE_YET', 'the first attempt is under way');
  }
}
