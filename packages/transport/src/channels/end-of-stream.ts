/** The end of a channel over a stream of Node's: when it came, and why. */
import type { Duplex } from 'node:stream';
import type { ByteSink, CloseReason } from '@nbdjs/interfaces';
import { StreamEnd } from '@nbdjs/kit';

/** The channel whose stream ends. */
export interface EndOwner {
  readonly isDestroyed: boolean;
  /** Tells the sink of the end, as soon as all bytes before it are delivered. */
  tellEnd(): void;
}

export class EndOfStream {
  /**
   * Called once, when the bytes end without our doing, for a better error than the system's. The end is reported to the sink when it has
   * resolved. The channel of a child process finds out here that the child has ended.
   */
  explain: (() => Promise<Error | undefined>) | undefined;
  readonly #stream: Duplex;
  readonly #owner: EndOwner;
  #explanation: Promise<void> | undefined;
  readonly #end = new StreamEnd();
  #error: Error | undefined;
  /** The stream is used elsewhere, so its end here is not reported. */
  #isAbandoned = false;

  constructor(stream: Duplex, owner: EndOwner) {
    this.#stream = stream;
    this.#owner = owner;
  }

  /** Whether no more bytes will come. */
  get hasCome(): boolean {
    return this.#end.hasCome;
  }

  /** Whether a cause of the end is known. Later errors are consequences of it. */
  get hasError(): boolean {
    return this.#error !== undefined;
  }

  /** How the channel was closed. */
  get reason(): CloseReason {
    if (this.#owner.isDestroyed) return { by: 'us', cause: this.#error };
    return this.#error === undefined ? { by: 'peer' } : { by: 'error', cause: this.#error };
  }

  /** Keeps the first error as the cause of the end. */
  noteError(error: Error | undefined): void {
    this.#error ??= error;
  }

  /** From now on, the end is not reported. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /**
   * Notes that no more bytes will come. With TLS, the end and the error that caused it come in either order.
   *
   * @param fallback The cause when no error was noted.
   */
  come(fallback?: Error): void {
    if (this.#end.hasCome || this.#explanation !== undefined || this.#isAbandoned) return;
    const cause = this.#error ?? fallback;
    // An end that answers ours needs no explanation.
    if (this.explain === undefined || this.#owner.isDestroyed || this.#stream.writableEnded) {
      this.#finish(cause);
      return;
    }
    this.#explanation = this.explain().then((explained) => {
      if (explained !== undefined && !this.#owner.isDestroyed) {
        this.#error = explained;
        this.#stream.destroy();
      }
      this.#finish(explained ?? cause ?? this.#error);
    });
  }

  /** Resolves when the end is explained, where that is under way. */
  async explained(): Promise<void> {
    await this.#explanation;
  }

  /** Tells a sink of the end, once, and only after the end has come. */
  tell(sink: ByteSink): void {
    this.#end.tell(sink);
  }

  #finish(cause: Error | undefined): void {
    this.#end.come(cause);
    this.#owner.tellEnd();
  }
}
