/**
 * Gathers what is sent to one client: many small replies leave in one write, long payloads leave from where they are.
 *
 * Memory that the channel has not let go of is kept until it has.
 */
import type { ByteChannel } from '@nbdjs/interfaces';
import type { BufferPool } from '../admission/buffer-pool.ts';
import type { MemoryAccount } from '../admission/memory-budget.ts';

/** Headers and short payloads are gathered in arenas of this size. */
const arenaBytes = 256 * 1024;
/** A longer payload is not copied. */
const copiedBytesMax = 16 * 1024;
/** What a client has for which nothing waits: a thousand idle clients need no memory to write replies to. */
const noArena = new Uint8Array(0);
const noView = new DataView(noArena.buffer);

export class SendBuffer {
  readonly #channel: ByteChannel;
  readonly #pool: BufferPool;
  readonly #account: MemoryAccount;
  #arena: Uint8Array = noArena;
  /** Of the arena: headers are written there, at `tail`, after `reserve`. */
  view: DataView = noView;
  tail = 0;
  /** Where the bytes begin that are not part of a chunk yet; they end at `tail`. */
  #start = 0;
  #chunks: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Buffers behind chunks that were not sent, and behind those that the channel holds. */
  readonly #pendingBuffers: Uint8Array[] = [];
  readonly #lentBuffers: Uint8Array[] = [];
  #lentBytes = 0;
  /** Bytes of messages with memory of their own: not sent, and held by the channel. */
  #pendingOwnBytes = 0;
  #lentOwnBytes = 0;
  #isOver = false;
  /** Bytes that the channel holds. */
  unsentBytes = 0;
  /** All bytes that were ever given to the channel. */
  sentBytes = 0;

  constructor(channel: ByteChannel, pool: BufferPool, account: MemoryAccount) {
    this.#channel = channel;
    this.#pool = pool;
    this.#account = account;
  }

  /** Bytes that wait for `flush`. */
  get pendingBytes(): number {
    return this.#pendingBytes + this.tail - this.#start;
  }

  /** Makes room for so many bytes at `tail`. */
  reserve(byteCount: number): void {
    if (this.#arena.length - this.tail >= byteCount) return;
    this.#seal();
    if (this.#arena !== noArena) this.#pendingBuffers.push(this.#arena);
    this.#arena = this.#pool.take(arenaBytes);
    this.view = new DataView(this.#arena.buffer);
    this.#start = 0;
    this.tail = 0;
  }

  /** Adds a payload. `memory` is a buffer of the pool behind it, which goes back when the bytes have left. */
  addPayload(bytes: Uint8Array, memory: Uint8Array | undefined): void {
    if (bytes.length <= copiedBytesMax) {
      this.reserve(bytes.length);
      this.#arena.set(bytes, this.tail);
      this.tail += bytes.length;
      if (memory !== undefined) this.#pool.giveBack(memory);
      return;
    }
    this.#append(bytes);
    if (memory !== undefined) this.#pendingBuffers.push(memory);
  }

  /** Adds a message that has memory of its own. */
  addMessage(bytes: Uint8Array): void {
    this.#pendingOwnBytes += bytes.length;
    this.#append(bytes);
  }

  /** Gives a buffer back to the pool when all that was added so far has left. */
  giveBackLater(buffer: Uint8Array): void {
    this.#pendingBuffers.push(buffer);
  }

  /** Sends all that was added. */
  flush(): void {
    this.#seal();
    if (this.#chunks.length === 0) return;
    const byteCount = this.#pendingBytes;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#pendingBytes = 0;
    this.sentBytes += byteCount;
    for (const buffer of this.#pendingBuffers) this.#lentBuffers.push(buffer);
    this.#pendingBuffers.length = 0;
    this.#lentOwnBytes += this.#pendingOwnBytes;
    this.#pendingOwnBytes = 0;
    if (this.#isOver || this.#channel.send(chunks)) {
      this.drained();
      return;
    }
    this.unsentBytes += byteCount;
    let lentBytes = this.#lentOwnBytes;
    for (const buffer of this.#lentBuffers) lentBytes += buffer.length;
    this.#account.takeAnyway(lentBytes - this.#lentBytes);
    this.#lentBytes = lentBytes;
  }

  /** The channel holds no bytes any more. */
  drained(): void {
    this.unsentBytes = 0;
    for (const buffer of this.#lentBuffers) this.#pool.giveBack(buffer);
    this.#lentBuffers.length = 0;
    this.#account.giveBack(this.#lentBytes);
    this.#lentBytes = 0;
    this.#lentOwnBytes = 0;
    if (this.#chunks.length === 0 && this.#start === this.tail) this.#releaseArena();
  }

  /** The client is gone: what is added from now on is not sent. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.flush();
    this.drained();
  }

  /** Adds bytes that leave from where they are. */
  #append(bytes: Uint8Array): void {
    this.#seal();
    this.#chunks.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** Makes a chunk of what was written to the arena. */
  #seal(): void {
    if (this.#start === this.tail) return;
    this.#chunks.push(this.#arena.subarray(this.#start, this.tail));
    this.#pendingBytes += this.tail - this.#start;
    this.#start = this.tail;
  }

  #releaseArena(): void {
    if (this.#arena !== noArena) this.#pool.giveBack(this.#arena);
    this.#arena = noArena;
    this.view = noView;
    this.#start = 0;
    this.tail = 0;
  }
}
