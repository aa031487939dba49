/** One raw connection: bytes out, bytes in, each wait bounded. */
import type { ByteChannel, ByteSink, Clock } from '@nbdjs/interfaces';
import { concatenate, endInWords, isHangUp } from '@nbdjs/kit';
import { HungUp, Silent } from '../examination/outcomes.ts';
import type { Transcript } from './transcript.ts';

/** What a connection needs from outside. */
export interface WireSettings {
  readonly clock: Clock;
  /** For each wait, in milliseconds. */
  readonly timeoutMs: number;
  readonly transcript: Transcript;
  /** What is at the other end. @default 'server' */
  readonly peer?: 'server' | 'client';
}

/** While this much is unread, the server has to wait. */
const backlogBytesMax = 80 * 2 ** 20;

/** Nothing more is expected, and a server that sends something wrong does so at once. */
const quietMs = 150;

/** A raw connection to the server. */
export class Wire implements ByteSink {
  /** What ends the phase that the connection is in, in order; sent when it is left. */
  farewell: Uint8Array | undefined;
  readonly #settings: WireSettings;
  readonly #number: number;
  readonly #peer: 'server' | 'client';
  #channel: ByteChannel;
  #staging = new Uint8Array(64 * 1024);
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #end: { readonly cause: Error | undefined } | undefined;
  #wake: () => void = () => {};

  constructor(channel: ByteChannel, settings: WireSettings) {
    this.#settings = settings;
    this.#number = settings.transcript.connect();
    this.#peer = settings.peer ?? 'server';
    this.#channel = channel;
    channel.open(this);
  }

  get #ours(): 'server' | 'client' {
    return this.#peer === 'server' ? 'client' : 'server';
  }

  /** Whether the bytes travel in TLS. */
  get isTls(): boolean {
    return this.#channel.peer.tls;
  }

  /** Whether the server has ended the connection, and everything before that is read. */
  get hasEnded(): boolean {
    return this.#end !== undefined && this.#queuedBytes === 0;
  }

  send(...chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#settings.transcript.note(this.#ours, this.#number, chunk);
    this.#channel.send(chunks);
  }

  /**
   * Resolves to exactly so many bytes.
   *
   * @throws HungUp, Silent.
   */
  async take(byteCount: number, what: string): Promise<Uint8Array> {
    const isThere = await this.#until(() => this.#queuedBytes >= byteCount || this.#end !== undefined);
    if (this.#queuedBytes >= byteCount) return this.#shift(byteCount);
    const got = this.#shift(this.#queuedBytes);
    const missing = got.length === 0 ? '' : ` after ${got.length} of ${byteCount} bytes`;
    if (!isThere) {
      this.#event(`nothing more within ${this.#settings.timeoutMs} ms`);
      throw new Silent(`${what} did not come within ${this.#settings.timeoutMs} ms${missing}`);
    }
    throw new HungUp(`the ${this.#peer} ended the connection instead of sending ${what}${missing}${this.#cause()}`);
  }

  /** Resolves to whether the server ends the connection in time. What it sends before is read, noted and dropped. */
  async isEnded(): Promise<boolean> {
    const hasCome = await this.#until(() => {
      this.#shift(this.#queuedBytes);
      return this.#end !== undefined;
    });
    if (!hasCome) this.#event(`the connection is still open after ${this.#settings.timeoutMs} ms`);
    return hasCome;
  }

  /** Resolves to whether no byte comes for a short time. */
  async isQuiet(): Promise<boolean> {
    const hasCome = await this.#until(() => this.#queuedBytes > 0 || this.#end !== undefined, quietMs);
    return !hasCome || this.#queuedBytes === 0;
  }

  /** Goes on in TLS. What has come before the answer of TLS is a fault of the server's. */
  async startTls(upgrade: (channel: ByteChannel) => Promise<ByteChannel>): Promise<void> {
    this.#event('TLS begins');
    this.#channel = await upgrade(this.#channel);
    this.#end = undefined;
    this.#channel.open(this);
  }

  /** Ends our direction; the server's bytes still come. */
  endSending(): void {
    this.#event(`the ${this.#ours} ends its direction`);
    this.#channel.end();
  }

  /** Ends both directions at once. */
  destroy(): void {
    this.#channel.destroy();
  }

  /** Ends our direction, lets the server do the same for a short time, and releases everything. */
  async leave(): Promise<void> {
    if (this.#end === undefined) {
      if (this.farewell !== undefined) this.#channel.send([this.farewell]);
      this.#channel.end();
      await this.#until(() => {
        this.#drop();
        return this.#end !== undefined;
      }, quietMs);
    }
    this.#channel.destroy();
    await this.#channel.closed;
  }

  writable(): Uint8Array {
    return this.#staging;
  }

  advance(byteCount: number): void {
    this.#queue.push(this.#staging.slice(0, byteCount));
    this.#queuedBytes += byteCount;
    if (this.#queuedBytes > backlogBytesMax) this.#channel.pause(true);
    this.#wake();
  }

  drained(): void {}

  ended(cause?: Error): void {
    this.#end ??= { cause };
    this.#wake();
  }

  /** Resolves to whether the condition holds in time. */
  #until(condition: () => boolean, timeoutMs = this.#settings.timeoutMs): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (holds: boolean): void => {
        cancel();
        this.#wake = () => {};
        resolve(holds);
      };
      const cancel = this.#settings.clock.schedule(timeoutMs, () => settle(condition()), true);
      this.#wake = () => {
        if (condition()) settle(true);
      };
    });
  }

  #shift(byteCount: number): Uint8Array {
    const taken: Uint8Array[] = [];
    let missing = byteCount;
    while (missing > 0) {
      const first = this.#queue[0] as Uint8Array;
      if (first.length > missing) {
        taken.push(first.subarray(0, missing));
        this.#queue[0] = first.subarray(missing);
        break;
      }
      taken.push(first);
      missing -= first.length;
      this.#queue.shift();
    }
    this.#queuedBytes -= byteCount;
    if (this.#queuedBytes <= backlogBytesMax) this.#channel.pause(false);
    const bytes = concatenate(taken);
    if (bytes.length > 0) this.#settings.transcript.note(this.#peer, this.#number, bytes);
    if (this.hasEnded) this.#event(`the ${this.#peer} ended the connection${this.#cause()}`);
    return bytes;
  }

  #drop(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #cause(): string {
    const cause = this.#end?.cause;
    return isHangUp(cause) ? '' : ` (${endInWords(cause)})`;
  }

  #event(text: string): void {
    this.#settings.transcript.noteEvent(this.#number, text);
  }
}
