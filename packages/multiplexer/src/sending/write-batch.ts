/**
 * What leaves in one write: request headers side by side in blocks of memory, with payloads in between. While the channel
 * still reads from what it was given, nothing more is given to it.
 */
import type { ByteChannel } from '@nbdjs/interfaces';
import { requestHeaderBytes, writeExtendedRequest, writeRequest } from '@nbdjs/protocol';
import type { Request } from '../requests/request.ts';
import { type HeaderBlock, HeaderBlocks } from './header-blocks.ts';

/**
 * Payloads up to this length are copied next to their header: one long piece of memory is sent faster than many short
 * ones, and the caller's memory is free at once. Measured with writes at depth 64 (see `in-memory.ts` of the benchmarks).
 */
const copyBytesMax = 4 * 1024;

export class WriteBatch {
  readonly #channel: ByteChannel;
  readonly #isExtended: boolean;
  readonly #headerBytes: number;
  readonly #memory = new HeaderBlocks();
  #block = this.#memory.take();
  /** Blocks of the batch that are full. */
  #full: HeaderBlock[] = [];
  #chunks: Uint8Array[] = [];
  #byteCount = 0;
  /** Number of the batch that is gathering. */
  #batch = 1;
  /** Blocks that the channel still reads from. */
  #held: readonly HeaderBlock[] | undefined;
  /** Tasks for when the channel has let go of the last batch. */
  #waiting: (() => void)[] = [];

  constructor(channel: ByteChannel, isExtended: boolean) {
    this.#channel = channel;
    this.#isExtended = isExtended;
    this.#headerBytes = requestHeaderBytes(isExtended);
  }

  /** Whether the channel has not let go of the last batch. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Appends a request. A long payload is not copied but lent on to the channel. */
  add(request: Request): void {
    // A read's memory is where its reply lands; what is to be sent has the payload's length in its header.
    const source = request.isSending ? request.memory : undefined;
    const copied = source !== undefined && source.length <= copyBytesMax ? source.length : 0;
    const block = this.#blockFor(this.#headerBytes + copied);
    this.#writeHeader(block, request);
    this.#byteCount += this.#headerBytes;
    if (source === undefined) return;
    this.#byteCount += source.length;
    if (copied === source.length) {
      block.bytes.set(source, block.used);
      block.used += copied;
    } else {
      this.#endRun(block);
      this.#chunks.push(source);
      request.batch = this.#batch;
    }
  }

  /** Gives what has gathered to the channel, and returns how many bytes that are. */
  send(): number {
    const byteCount = this.#byteCount;
    if (byteCount === 0) return 0;
    this.#endRun(this.#block);
    const chunks = this.#chunks;
    const blocks = this.#full;
    blocks.push(this.#block);
    this.#chunks = [];
    this.#full = [];
    this.#byteCount = 0;
    this.#batch++;
    if (this.#channel.send(chunks)) this.#memory.giveBack(blocks);
    else this.#held = blocks;
    this.#block = this.#memory.take();
    return byteCount;
  }

  /** The channel has let go of everything. */
  drained(): void {
    if (this.#held === undefined) return;
    this.#memory.giveBack(this.#held);
    this.#held = undefined;
    this.#runWaiting();
  }

  /** The channel is no more, so it reads no memory either. */
  close(): void {
    this.#runWaiting();
  }

  /** Whether the channel may still be reading a request's memory, which the caller must not get back before. */
  isLent(request: Request): boolean {
    return this.#held !== undefined && request.batch === this.#batch - 1;
  }

  /** Runs a task when the channel has let go of the last batch. */
  whenDrained(task: () => void): void {
    this.#waiting.push(task);
  }

  #runWaiting(): void {
    const tasks = this.#waiting;
    this.#waiting = [];
    for (const task of tasks) task();
  }

  #writeHeader(block: HeaderBlock, request: Request): void {
    const { view, used } = block;
    const { flags, command, cookieHigh, slot, offsetHigh, offsetLow, lengthHigh, lengthLow } = request;
    if (this.#isExtended) {
      writeExtendedRequest(view, used, flags, command, cookieHigh, slot, offsetHigh, offsetLow, lengthHigh, lengthLow);
    } else {
      writeRequest(view, used, flags, command, cookieHigh, slot, offsetHigh, offsetLow, lengthLow);
    }
    block.used = used + this.#headerBytes;
  }

  /** A block with room for `byteCount` more bytes. */
  #blockFor(byteCount: number): HeaderBlock {
    const block = this.#block;
    if (block.bytes.length - block.used >= byteCount) return block;
    this.#endRun(block);
    this.#full.push(block);
    this.#block = this.#memory.take();
    return this.#block;
  }

  /** Makes a chunk of what was written since the last one. */
  #endRun(block: HeaderBlock): void {
    if (block.used === block.runStart) return;
    this.#chunks.push(block.bytes.subarray(block.runStart, block.used));
    block.runStart = block.used;
  }
}
