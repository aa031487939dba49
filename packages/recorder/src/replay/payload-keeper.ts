/** The payloads of the messages under way in a recording. */
import { concatenate } from '@nbdjs/kit';
import type { Side } from '../decoding/frame.ts';
import type { ReadEntry } from '../recording/entry.ts';

/** A recording of more messages at a time was made to harm. */
const openMax = 2 ** 12;

/** Keeps each payload until its message is complete. */
export class PayloadKeeper {
  readonly #bytesMax: number;
  readonly #open = new Map<string, { readonly parts: Uint8Array[]; bytes: number }>();

  /** `bytesMax`: longer payloads are not kept. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes the next entry. */
  add(entry: ReadEntry): void {
    if (entry.type === 'frame') {
      const key = keyOf(entry.connection, entry.frame.side);
      const { payloadBytes } = entry.frame;
      this.#open.delete(key);
      const isKept = payloadBytes > 0 && payloadBytes <= this.#bytesMax && this.#open.size < openMax;
      if (isKept) this.#open.set(key, { parts: [], bytes: 0 });
    } else if (entry.type === 'payload') {
      const open = this.#open.get(keyOf(entry.connection, entry.side));
      if (open === undefined || open.bytes + entry.bytes.length > this.#bytesMax) return;
      open.parts.push(entry.bytes);
      open.bytes += entry.bytes.length;
    }
  }

  /** Returns the payload of the message that has just ended on this side, if it has so many bytes, and forgets it. */
  take(connection: number, side: Side, payloadBytes: number): Uint8Array | undefined {
    const key = keyOf(connection, side);
    const open = this.#open.get(key);
    this.#open.delete(key);
    return open === undefined || open.bytes !== payloadBytes ? undefined : concatenate(open.parts);
  }
}

function keyOf(connection: number, side: Side): string {
  return `${connection} ${side}`;
}
