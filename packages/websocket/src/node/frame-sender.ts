/** The sending half of a WebSocket: frames around what is sent (RFC 6455, section 5). */
import { randomFillSync } from 'node:crypto';
import type { ByteChannel } from '@nbdjs/interfaces';
import { controlBytesMax, encodeHeader, opcode } from './frame-header.ts';
import { applyMask } from './mask.ts';

/** Longer sends are cut into messages of this length, in bytes: pages get whole messages only, and Chromium is fastest with these. */
const messageBytes = 256 * 1024;

const zeroMask = new Uint8Array(4);
const encoder = new TextEncoder();

export interface FrameSenderSettings {
  /** Clients mask what they send. */
  readonly role: 'server' | 'client';
  /**
   * Whether the mask of a client is random, which takes a copy of all it sends. It keeps proxies from taking a payload for a request of
   * HTTP (section 10.3); within TLS, no proxy sees any. Otherwise it is zero, and changes nothing.
   */
  readonly hasRandomMask: boolean;
}

export class FrameSender {
  readonly #lower: ByteChannel;
  readonly #settings: FrameSenderSettings;
  #phase: 'open' | 'closed' = 'open';
  /** The channel below has not sent everything. */
  #isBlocked = false;
  /** A Pong that waits until then. A later one takes its place. */
  #pong: Uint8Array | undefined;

  constructor(lower: ByteChannel, settings: FrameSenderSettings) {
    this.#lower = lower;
    this.#settings = settings;
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** See `ByteChannel.send`. After a Close nothing is sent. */
  send(chunks: readonly Uint8Array[]): boolean {
    if (this.#phase === 'closed') return true;
    const parts: Uint8Array[] = [];
    for (const message of messagesOf(chunks)) this.#frame(parts, opcode.binary, message);
    return parts.length === 0 || this.#give(parts);
  }

  /** Sends a control frame. While the peer does not read, Pings are left out, and of Pongs the last one is kept. */
  control(code: number, payload: Uint8Array): void {
    if (this.#phase === 'closed') return;
    if (this.#isBlocked) {
      if (code === opcode.pong) this.#pong = payload;
      return;
    }
    const parts: Uint8Array[] = [];
    this.#frame(parts, code, [payload]);
    this.#give(parts);
  }

  /** Sends a Close, once; it is the last frame. */
  close(code?: number, reason = ''): void {
    if (this.#phase === 'closed') return;
    const text = encoder.encode(reason).subarray(0, controlBytesMax - 2);
    const payload = code === undefined ? new Uint8Array(0) : Uint8Array.from([code >> 8, code & 255, ...text]);
    const parts: Uint8Array[] = [];
    this.#frame(parts, opcode.close, [payload]);
    this.#phase = 'closed';
    this.#give(parts);
  }

  /** The channel below is gone. */
  stop(): void {
    this.#phase = 'closed';
  }

  drained(): void {
    this.#isBlocked = false;
    const pong = this.#pong;
    this.#pong = undefined;
    if (pong !== undefined) this.control(opcode.pong, pong);
  }

  #give(parts: readonly Uint8Array[]): boolean {
    const isFree = this.#lower.send(parts);
    if (!isFree) this.#isBlocked = true;
    return isFree;
  }

  /** Adds a frame to what is sent. */
  #frame(parts: Uint8Array[], code: number, payload: readonly Uint8Array[]): void {
    const length = payload.reduce((sum, one) => sum + one.length, 0);
    const { role, hasRandomMask } = this.#settings;
    if (role === 'server') {
      parts.push(encodeHeader(code, length, undefined), ...payload);
    } else if (!hasRandomMask) {
      parts.push(encodeHeader(code, length, zeroMask), ...payload);
    } else {
      const mask = randomFillSync(new Uint8Array(4));
      const masked = new Uint8Array(length);
      let position = 0;
      for (const one of payload) {
        masked.set(one, position);
        position += one.length;
      }
      applyMask(masked, mask, 0);
      parts.push(encodeHeader(code, length, mask), masked);
    }
  }
}

/** Divides chunks into messages of a bounded length, without a copy. */
function messagesOf(chunks: readonly Uint8Array[]): Uint8Array[][] {
  const messages: Uint8Array[][] = [];
  let message: Uint8Array[] = [];
  let freeBytes = messageBytes;
  for (const chunk of chunks) {
    for (let position = 0; position < chunk.length; ) {
      const byteCount = Math.min(freeBytes, chunk.length - position);
      message.push(byteCount === chunk.length ? chunk : chunk.subarray(position, position + byteCount));
      position += byteCount;
      freeBytes -= byteCount;
      if (freeBytes > 0) continue;
      messages.push(message);
      message = [];
      freeBytes = messageBytes;
    }
  }
  if (message.length > 0) messages.push(message);
  return messages;
}
