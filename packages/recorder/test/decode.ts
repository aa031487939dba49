/** Decoding a transcript, for comparison. */
import {
  type FrameHandler,
  messageText,
  readMessage,
  SessionDecoder,
  type SessionDecoderOptions,
  type Side,
} from '../src/index.ts';
import type { Piece } from './transcripts.ts';

/** The longest next delivery, in bytes. */
export type Cut = () => number;

/** Writes down what a decoder reports, the payload of each message as one checksum. */
class Script implements FrameHandler {
  readonly lines: Readonly<Record<Side, string[]>> = { client: [], server: [] };
  readonly #sums = { client: 0, server: 0 };

  frame(frame: Parameters<FrameHandler['frame']>[0]): void {
    this.#sums[frame.side] = 0x811c_9dc5;
    this.lines[frame.side].push(messageText(readMessage(frame)));
  }

  payload(side: Side, bytes: Uint8Array): void {
    for (const byte of bytes) this.#sums[side] = Math.imul(this.#sums[side] ^ byte, 0x0100_0193);
  }

  frameEnd(side: Side, payloadBytes: number): void {
    if (payloadBytes > 0) this.lines[side].push(`  ${payloadBytes} bytes, ${this.#sums[side] >>> 0}`);
  }
}

/** Returns what each side says. */
export function decode(
  pieces: readonly Piece[],
  cut: Cut = () => Number.POSITIVE_INFINITY,
  options?: SessionDecoderOptions,
) {
  const script = new Script();
  const decoder = new SessionDecoder(script, options);
  for (const [side, bytes] of pieces) {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + cut());
      // The decoder must not keep what it is lent.
      const lent = bytes.slice(at, end);
      decoder.push(side, lent);
      lent.fill(0xee);
      at = end;
    }
  }
  decoder.end('client');
  decoder.end('server');
  return { ...script.lines, decoder };
}
