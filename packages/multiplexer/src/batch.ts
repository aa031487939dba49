/**
 * What leaves in the next write: request headers side by side in blocks of memory that are used again and again, and payloads
 * in between.
 */
import { requestHeaderBytes, writeExtendedRequest, writeRequest } from '@nbdjs/protocol';
import type { Task } from './task.ts';

const blockBytes = 256 * 1024;
/**
 * Payloads up to this length are copied next to their header: one long piece of memory is sent faster than many short
 * ones. Measured with 4 KiB writes at depth 64.
 */
const copyBytesMax = 8 * 1024;
/** Blocks that are kept for use when the channel has handed them back. */
const sparesMax = 4;

class Block {
  readonly bytes = new Uint8Array(blockBytes);
  readonly view = new DataView(this.bytes.buffer);
  used = 0;
  /** Where the run of bytes begins that has not been put into a chunk. */
  runStart = 0;
}

export class Batch {
  readonly #isExtended: boolean;
  readonly #headerBytes: number;
  #block = new Block();
  /** Blocks that the batch has filled, besides the current one. */
  #full: Block[] = [];
  #spares: Block[] = [];
  #chunks: Uint8Array[] = [];
  #byteCount = 0;

  constructor(isExtended: boolean) {
    this.#isExtended = isExtended;
    this.#headerBytes = requestHeaderBytes(isExtended);
  }

  get isEmpty(): boolean {
    return this.#byteCount === 0;
  }

  /** Appends a request; a long payload is taken along by reference and stays lent until `taken` of its batch. */
  add(task: Task, cookieHigh: number): void {
    const { source } = task;
    const copied = source !== undefined && source.length <= copyBytesMax ? source.length : 0;
    const block = this.#room(this.#headerBytes + copied);
    if (this.#isExtended) {
      writeExtendedRequest(
        block.view,
        block.used,
        task.flags,
        task.command,
        cookieHigh,
        task.slot,
        task.offsetHigh,
        task.offsetLow,
        task.lengthHigh,
        task.lengthLow,
      );
    } else {
      writeRequest(
        block.view,
        block.used,
        task.flags,
        task.command,
        cookieHigh,
        task.slot,
        task.offsetHigh,
        task.offsetLow,
        task.lengthLow,
      );
    }
    block.used += this.#headerBytes;
    this.#byteCount += this.#headerBytes + (source?.length ?? 0);
    if (source === undefined || source.length === 0) return;
    if (copied > 0) {
      block.bytes.set(source, block.used);
      block.used += copied;
    } else {
      this.#endRun(block);
      this.#chunks.push(source);
    }
  }

  /** Takes what has gathered, for one write. */
  take(): { readonly chunks: readonly Uint8Array[]; readonly blocks: readonly unknown[]; readonly byteCount: number } {
    this.#endRun(this.#block);
    const taken = { chunks: this.#chunks, blocks: [...this.#full, this.#block], byteCount: this.#byteCount };
    this.#chunks = [];
    this.#byteCount = 0;
    this.#full = [];
    this.#block = this.#spare();
    return taken;
  }

  /** Gets blocks back that nobody reads any more. */
  reuse(blocks: readonly unknown[]): void {
    for (const block of blocks as readonly Block[]) {
      if (this.#spares.length >= sparesMax) return;
      this.#spares.push(block);
    }
  }

  #room(byteCount: number): Block {
    const block = this.#block;
    if (block.bytes.length - block.used >= byteCount) return block;
    this.#endRun(block);
    this.#full.push(block);
    this.#block = this.#spare();
    return this.#block;
  }

  #spare(): Block {
    const block = this.#spares.pop() ?? new Block();
    block.used = 0;
    block.runStart = 0;
    return block;
  }

  #endRun(block: Block): void {
    if (block.used === block.runStart) return;
    this.#chunks.push(block.bytes.subarray(block.runStart, block.used));
    block.runStart = block.used;
  }
}
