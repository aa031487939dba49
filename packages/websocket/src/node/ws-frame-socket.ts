/** A WebSocket of the library `ws`, below a channel. It can do what a page cannot: have the peer wait, and ask whether it lives. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '@nbdjs/interfaces';
import { queuedBytesOf } from '@nbdjs/transport';
import type { WebSocket } from 'ws';
import { closeCode, closeFailure } from '../channel/close-code.ts';
import type { FrameEvents, FrameSocket } from '../channel/frame-channel.ts';
import { cut } from '../channel/messages.ts';
import { Heartbeat } from './heartbeat.ts';

/** What a channel over such a socket is given. */
export interface WsFrameSettings {
  /** The present time, and timers. */
  readonly clock: Clock;
  /** Milliseconds between two Pings; 0: none are sent. */
  readonly pingMs: number;
  /** Milliseconds without a byte from the peer after which it counts as gone; 0: never. */
  readonly silenceMs: number;
}

/** A message ends with the chunk that reaches this length, in bytes: peers hand over whole messages only, and keep them until then. */
const messageBytes = 256 * 1024;

/** Longer chunks are cut into messages of this length, in bytes. */
const frameBytesMax = 1024 * 1024;

export class WsFrameSocket implements FrameSocket {
  readonly #socket: WebSocket;
  /** What `ws` writes to. */
  readonly #stream: Duplex & { ref?(): unknown; unref?(): unknown };
  readonly #events: FrameEvents;
  readonly #heartbeat: Heartbeat;
  #isPaused = true;
  /** Writes whose callback has not come. */
  #writing = 0;

  /** @param socket Open. It must not have delivered anything yet. */
  constructor(socket: WebSocket, stream: Duplex, events: FrameEvents, settings: WsFrameSettings) {
    this.#socket = socket;
    this.#stream = stream;
    this.#events = events;
    this.#heartbeat = new Heartbeat(this, settings);
    socket.binaryType = 'nodebuffer';
    socket.pause();
    socket.on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary));
    socket.on('ping', () => this.#heartbeat.hear());
    socket.on('pong', () => this.#heartbeat.hear());
    // `ws` has found an error in what the peer sends, and has sent the Close that belongs to it.
    socket.on('error', (error) => events.failed(new Error(`the peer breaks the WebSocket protocol: ${error.message}`)));
    socket.on('close', (code, reason) => {
      this.#heartbeat.stop();
      events.closed(closeFailure(code, reason.toString()));
    });
  }

  get isListening(): boolean {
    return !this.#isPaused;
  }

  get isSending(): boolean {
    return this.#socket.bufferedAmount > 0;
  }

  get queuedBytes(): number {
    const exact = this.#stream instanceof Socket ? queuedBytesOf(this.#stream) : undefined;
    return exact ?? this.#socket.bufferedAmount;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return true;
    const pieces = chunks.flatMap((chunk) => (chunk.length === 0 ? [] : cut(chunk, frameBytesMax)));
    this.#stream.cork();
    let byteCount = 0;
    for (const [index, piece] of pieces.entries()) {
      byteCount += piece.length;
      const isLast = index === pieces.length - 1;
      const fin = isLast || byteCount >= messageBytes;
      if (fin) byteCount = 0;
      if (isLast) this.#writing++;
      socket.send(piece, { binary: true, compress: false, fin }, isLast ? this.#onWritten : undefined);
    }
    this.#stream.uncork();
    return socket.bufferedAmount === 0;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  end(): void {
    this.#socket.close(closeCode.normal);
  }

  destroy(cause: Error | undefined): void {
    const socket = this.#socket;
    this.#heartbeat.stop();
    // Without Close, the peer would take this for a fault of the network. It must not wait for bytes that the peer does not take.
    if (socket.readyState === socket.OPEN && socket.bufferedAmount === 0) {
      socket.close(cause === undefined ? closeCode.normal : closeCode.internalError);
    }
    socket.terminate();
  }

  keepAlive(on: boolean): void {
    if (on) this.#stream.ref?.();
    else this.#stream.unref?.();
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  fail(cause: Error): void {
    this.#events.failed(cause);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#heartbeat.hear();
    if (isBinary) {
      this.#events.received(data);
      return;
    }
    this.#socket.close(closeCode.unsupportedData, 'only binary messages are accepted');
    this.#events.failed(new Error('the peer sent text in a message'));
  }

  readonly #onWritten = (): void => {
    this.#writing--;
    if (this.#writing === 0) this.#events.sent();
  };
}
