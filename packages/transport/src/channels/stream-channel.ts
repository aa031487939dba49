/** A duplex stream of Node's as a `ByteChannel`: a side that sends, a side that receives, and an end. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ByteChannel, ByteSink, CloseReason, PeerDescription } from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';
import { EndOfStream } from './end-of-stream.ts';
import { queuedBytesOf } from './handle.ts';
import { ReceiveSide } from './receive-side.ts';
import { type SendMethod, SendSide } from './send-side.ts';

/** A socket has a setting whether it keeps the process alive; other streams have none. */
export type AnyDuplex = Duplex & { ref?(): unknown; unref?(): unknown };

/** What a kind of stream does differently. */
export interface StreamParts {
  /** Gets its bytes by `onread` or by `receive`, whichever the stream's maker has chosen. */
  readonly receiving: ReceiveSide;
  readonly sendMethod: SendMethod;
  /** Returns a better error than the stream's. @default the stream's own error */
  readonly explainError?: ((error: Error) => Error) | undefined;
  /** Releases what lies below a stream that has failed. @default nothing lies below */
  readonly releaseBelow?: (() => void) | undefined;
}

/** Any duplex stream, at the price of one copy for each delivery; with `parts`, a stream of a better known kind. */
export class StreamChannel<Stream extends AnyDuplex = AnyDuplex> implements ByteChannel {
  readonly peer: PeerDescription;
  /** The stream below, which belongs to the channel: only to be looked at. */
  readonly stream: Stream;
  readonly closed: Promise<CloseReason>;
  readonly #receiving: ReceiveSide;
  readonly #sending: SendSide;
  readonly #end: EndOfStream;
  #isDestroyed = false;

  /** The stream belongs to the channel. It must not have delivered anything yet. */
  constructor(stream: Stream, peer: PeerDescription, parts: StreamParts = partsOf(stream)) {
    this.stream = stream;
    this.peer = peer;
    this.#receiving = parts.receiving;
    this.#receiving.attach(stream, this);
    this.#sending = new SendSide(stream, parts.sendMethod, this);
    this.#end = new EndOfStream(stream, this);
    stream.on('end', () => this.#end.come());
    stream.on('error', (error) => {
      // What a stream reports after `destroy` follows from it.
      if (!this.#end.hasError && !this.#isDestroyed) this.#end.noteError(parts.explainError?.(error) ?? error);
      // Not every stream releases itself: one of TLS reports a record that it cannot decrypt, or the peer's alert, and stays open.
      stream.destroy();
      parts.releaseBelow?.();
      this.#end.come();
    });
    this.closed = new Promise((resolve) => {
      stream.on('close', async () => {
        this.#end.come(this.#isDestroyed ? undefined : new Error('the connection was closed'));
        await this.#end.explained();
        resolve(this.#end.reason);
      });
    });
  }

  /** Whether `destroy` was called, here or by a sink that has thrown. The peer's end or an error does not count. */
  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  get queuedBytes(): number | undefined {
    return this.#sending.queuedBytes;
  }

  /** Bytes that have come from the peer, announced to the sink or not. */
  get receivedBytes(): number {
    return this.#receiving.receivedBytes;
  }

  /** Whether bytes that have come wait here for the sink. */
  get hasBacklog(): boolean {
    return this.#receiving.hasBacklog;
  }

  /** Whether no byte is on its way through this object, in either direction: the descriptor is all there is. */
  get isEmpty(): boolean {
    return !this.#receiving.hasBacklog && this.stream.writableLength === 0;
  }

  /** Takes bytes that have come before the stream's next ones; before `open`. */
  receiveFirst(bytes: Uint8Array): void {
    this.#receiving.receiveFirst(bytes);
  }

  /** See `EndOfStream.explain`. */
  set explainEnd(explain: (() => Promise<Error | undefined>) | undefined) {
    this.#end.explain = explain;
  }

  open(sink: ByteSink): void {
    this.#receiving.open(sink);
    if (this.#end.hasCome) setImmediate(() => this.tellEnd());
  }

  send(chunks: readonly Uint8Array[]): boolean {
    return this.#sending.send(chunks);
  }

  pause(paused: boolean): void {
    this.#receiving.pause(paused);
  }

  end(): void {
    this.#sending.end();
  }

  destroy(cause?: Error): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#end.noteError(cause);
    this.stream.destroy();
  }

  keepAlive(on: boolean): void {
    if (on) this.stream.ref?.();
    else this.stream.unref?.();
  }

  /** Destroys the stream without a call of the sink: its socket is used elsewhere. */
  abandon(): void {
    this.#end.abandon();
    this.destroy();
  }

  /** Gives the stream to the caller, who puts another channel on top of it; the sink gets no further call. */
  surrender(): Stream {
    this.#end.abandon();
    this.#receiving.close();
    return this.stream;
  }

  /** Called by the side that sends. */
  tellDrained(): void {
    this.#receiving.call((sink) => sink.drained());
  }

  /** Called by the side that receives. */
  backlogDelivered(): void {
    if (this.#end.hasCome) this.tellEnd();
  }

  /** Reports the end to the sink, unless that was done, or bytes before it have still to be delivered. */
  tellEnd(): void {
    const { sink } = this.#receiving;
    if (sink === undefined || (this.#receiving.isEndHeldBack && !this.#isDestroyed)) return;
    try {
      this.#end.tell(sink);
    } catch (error) {
      this.destroy(toError(error));
    }
  }
}

/** The parts of a stream of which nothing more is known: its bytes come by the event `data`. */
function partsOf(stream: Duplex): StreamParts {
  const receiving = new ReceiveSide();
  stream.on('data', (bytes: Uint8Array) => receiving.receive(bytes));
  stream.pause();
  return { receiving, sendMethod: plainSendMethod(stream) };
}

/** How a stream of which nothing more is known sends. */
export function plainSendMethod(stream: Duplex): SendMethod {
  return {
    sendAtOnce: () => 0,
    hasCopied: () => false,
    noteSlowSend: () => {},
    queuedBytes: () => (stream instanceof Socket ? queuedBytesOf(stream) : undefined) ?? stream.writableLength,
  };
}
