/** Memory for what is read and written, used again and again. */
import { FreeList } from '@nbdjs/kit';
import { requestBytesMax } from './limits.ts';

/** Room beside the payload for the header of a reply. */
const sideBytes = 64;

/** Of each size, so much stays allocated, in bytes. */
const spareBytesMax = 16 * 1024 * 1024;

/** Payloads come in these sizes, in bytes: a block, what programs use for copying, and the longest. */
const sizes = [4096, 16 * 1024, 128 * 1024, requestBytesMax];

/** A piece of memory, with a view of it. */
export interface ReplyMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export class ReplyMemories {
  readonly #lists = sizes.map((size) => ({
    size,
    list: new FreeList(() => allocate(size + sideBytes), Math.max(8, spareBytesMax / size)),
  }));

  /** Returns memory for a payload of so many bytes and a header. */
  take(payloadBytes: number): ReplyMemory {
    const found = this.#lists.find(({ size }) => payloadBytes <= size);
    return found?.list.take() ?? allocate(payloadBytes + sideBytes);
  }

  giveBack(memory: ReplyMemory): void {
    this.#lists.find(({ size }) => memory.bytes.length === size + sideBytes)?.list.giveBack(memory);
  }
}

function allocate(byteCount: number): ReplyMemory {
  const bytes = new Uint8Array(new ArrayBuffer(byteCount));
  return { bytes, view: new DataView(bytes.buffer) };
}
