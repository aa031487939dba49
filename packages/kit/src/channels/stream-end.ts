/** The end of what a channel receives. */
import type { ByteSink } from '@nbdjs/interfaces';

/** The end of a channel's bytes: whether it has come, why, and which sink knows of it. */
export class StreamEnd {
  #end: { readonly cause: Error | undefined } | undefined;
  #sinkTold: ByteSink | undefined;

  /** Whether no more bytes will come. */
  get hasCome(): boolean {
    return this.#end !== undefined;
  }

  /** Why, where that is an error. */
  get cause(): Error | undefined {
    return this.#end?.cause;
  }

  /** Whether this sink has been told of the end. */
  isKnownTo(sink: ByteSink): boolean {
    return sink === this.#sinkTold;
  }

  /** Notes that no more bytes will come. The first cause is kept. */
  come(cause?: Error): void {
    this.#end ??= { cause };
  }

  /**
   * Tells a sink, once, of the end. A sink that is opened later is told as well.
   *
   * @throws what the sink throws.
   */
  tell(sink: ByteSink | undefined): void {
    if (sink === undefined || sink === this.#sinkTold) return;
    this.#sinkTold = sink;
    sink.ended(this.#end?.cause);
  }
}
