/** A `ReplyHandler` that records its calls. */
import { digest } from './feed.testing.ts';
import type { ReplyHandler } from './reply-handler.ts';

export class ReplyLog implements ReplyHandler {
  /** One line for each call, in order; payloads as they lie in memory when they are complete. */
  readonly lines: string[] = [];
  /** Memory that was given for payloads. */
  readonly targets: Uint8Array[] = [];
  /** Bytes of payload that follow each simple reply without an error. */
  simpleBytes = 0;
  /** Whether payloads are discarded. */
  discards = false;
  /** Called when memory for a payload is asked for. */
  onTarget = (): void => {};

  simpleReply(cookieHigh: number, cookieLow: number, error: number): number {
    this.#say('simple', cookieHigh, cookieLow, error);
    return error === 0 ? this.simpleBytes : 0;
  }

  simpleData(length: number): Uint8Array | undefined {
    this.#say('simple data', length);
    return this.#target(length);
  }

  simpleEnd(): void {
    this.#say('simple end', this.#payload());
  }

  chunk(cookieHigh: number, cookieLow: number, type: number, offsetHigh: number, offsetLow: number): void {
    this.#say('chunk', cookieHigh, cookieLow, type, offsetHigh, offsetLow);
  }

  data(offsetHigh: number, offsetLow: number, length: number): Uint8Array | undefined {
    this.#say('data', offsetHigh, offsetLow, length);
    return this.#target(length);
  }

  hole(offsetHigh: number, offsetLow: number, length: number): void {
    this.#say('hole', offsetHigh, offsetLow, length);
  }

  blockStatus(contextId: number, count: number): void {
    this.#say('block status', contextId, count);
  }

  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void {
    this.#say('extent', lengthHigh, lengthLow, statusHigh, statusLow);
  }

  error(error: number, text: Uint8Array): void {
    this.#say('error', error, new TextDecoder().decode(text));
  }

  errorOffset(offsetHigh: number, offsetLow: number): void {
    this.#say('error offset', offsetHigh, offsetLow);
  }

  chunkEnd(isDone: boolean): void {
    this.#say('chunk end', isDone ? 'done' : 'more', this.#payload());
  }

  #current: Uint8Array | undefined;

  #target(length: number): Uint8Array | undefined {
    this.onTarget();
    if (this.discards) return undefined;
    this.#current = new Uint8Array(length);
    this.targets.push(this.#current);
    return this.#current;
  }

  #payload(): string {
    const payload = this.#current;
    this.#current = undefined;
    if (payload === undefined) return '';
    if (payload.length > 16) return digest(payload);
    return Array.from(payload, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  #say(...words: readonly (string | number)[]): void {
    this.lines.push(words.join(' ').trim());
  }
}
