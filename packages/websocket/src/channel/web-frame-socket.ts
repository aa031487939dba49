/** A WebSocket with the methods of browsers, below a channel. */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import { GrowingDelay } from '@nbdjs/kit';
import { closeCode, closeFailure } from './close-code.ts';
import type { FrameEvents, FrameSocket } from './frame-channel.ts';
import { joinChunks } from './messages.ts';
import { readyState, type WebSocketClose, type WebSocketLike, type WebSocketMessage } from './web-socket.ts';

/** What a channel over such a socket is given. */
export interface WebFrameSettings {
  /** The present time, and timers. */
  readonly clock: Clock;
  /** Bytes of one message that is sent. */
  readonly messageBytesMax: number;
  /** Bytes that wait to be sent before the sender is asked to wait. */
  readonly sendBufferBytes: number;
  /** Milliseconds from our Close until the end is taken for granted. */
  readonly closeMs: number;
}

/** Nothing announces that the system has taken bytes, so it is looked at: after 1, 2, 4, ... milliseconds. */
const pollMs = { firstMs: 1, mostMs: 32 };

export class WebFrameSocket implements FrameSocket {
  readonly #socket: WebSocketLike;
  readonly #events: FrameEvents;
  readonly #settings: WebFrameSettings;
  readonly #pollDelay = new GrowingDelay(pollMs);
  #cancelPoll: Cancel | undefined;
  #cancelClose: Cancel | undefined;
  #isAwaited = true;

  constructor(socket: WebSocketLike, events: FrameEvents, settings: WebFrameSettings) {
    this.#socket = socket;
    this.#events = events;
    this.#settings = settings;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', this.#onMessage);
    socket.addEventListener('close', this.#onClose);
    // The event itself has no information, but `ws` throws where nothing listens to it.
    socket.addEventListener('error', this.#onError);
  }

  get queuedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (socket.readyState !== readyState.open) return true;
    // The socket copies what it is given, so that nothing is lent to it.
    for (const message of joinChunks(chunks, this.#settings.messageBytesMax)) {
      socket.send(message);
    }
    if (socket.bufferedAmount <= this.#settings.sendBufferBytes) return true;
    if (this.#cancelPoll === undefined) {
      this.#pollDelay.reset();
      this.#poll();
    }
    return false;
  }

  /** A page cannot stop what arrives. What comes meanwhile waits in the channel, up to its limit. */
  pause(): void {}

  end(): void {
    this.#close(closeCode.normal, '');
  }

  /** The browser has answered a Close by itself. */
  endTold(): void {}

  destroy(cause: Error | undefined): void {
    if (cause === undefined) this.#close(closeCode.normal, '');
    else this.#close(closeCode.pageInternalError, 'the other side has given up');
    this.#stopPolling();
    const { clock, closeMs } = this.#settings;
    this.#cancelClose ??= clock.schedule(closeMs, () => this.#finish(undefined), this.#isAwaited);
  }

  keepAlive(on: boolean): void {
    this.#isAwaited = on;
  }

  #close(code: number, reason: string): void {
    if (this.#socket.readyState <= readyState.open) this.#socket.close(code, reason);
  }

  #poll(): void {
    const { clock, sendBufferBytes } = this.#settings;
    this.#cancelPoll = clock.schedule(
      this.#pollDelay.next(),
      () => {
        // Half of the room has to be free, or else the sender would wait again after each message.
        if (this.#socket.bufferedAmount > sendBufferBytes / 2) {
          this.#poll();
        } else {
          this.#cancelPoll = undefined;
          this.#events.sent();
        }
      },
      this.#isAwaited,
    );
  }

  #stopPolling(): void {
    this.#cancelPoll?.();
    this.#cancelPoll = undefined;
  }

  readonly #onMessage = ({ data }: WebSocketMessage): void => {
    if (data instanceof ArrayBuffer) this.#events.received(new Uint8Array(data));
    else if (ArrayBuffer.isView(data)) {
      this.#events.received(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    } else {
      this.#close(closeCode.pageUnsupportedData, 'only binary messages are accepted');
      this.#events.failed(new Error(`the peer sent ${typeof data === 'string' ? 'text' : 'no bytes'} in a message`));
    }
  };

  readonly #onError = (): void => {};

  readonly #onClose = ({ code, reason }: WebSocketClose): void => this.#finish(closeFailure(code, reason));

  #finish(cause: Error | undefined): void {
    this.#stopPolling();
    this.#cancelClose?.();
    this.#socket.removeEventListener('message', this.#onMessage);
    this.#socket.removeEventListener('close', this.#onClose);
    // What was queued for a peer that has gone is not needed any more.
    this.#events.sent();
    this.#events.ended(cause);
    this.#events.closed(cause);
  }
}
