/** Memory for the requests of one client: what is reserved of the shared budget, and the buffers themselves. */
import type { BufferPool } from '../admission/buffer-pool.ts';
import { bufferBytes } from '../admission/buffer-pool.ts';
import type { MemoryAccount } from '../admission/memory-budget.ts';
import type { ServerRequest } from './server-request.ts';

export class RequestMemory {
  readonly #account: MemoryAccount;
  readonly #buffers: BufferPool;

  constructor(account: MemoryAccount, buffers: BufferPool) {
    this.#account = account;
    this.#buffers = buffers;
  }

  /** Raises what is reserved for a request to so many bytes. Returns whether there is enough; if not, the account waits. */
  reserve(request: ServerRequest, byteCount: number): boolean {
    const lackingBytes = byteCount - request.reservedBytes;
    if (lackingBytes > 0 && !this.#account.take(lackingBytes, request)) return false;
    request.reservedBytes = byteCount;
    return true;
  }

  /** The same for the payload that arrives next, whose buffer may be longer. */
  reservePayload(request: ServerRequest): boolean {
    return this.reserve(request, bufferBytes(request.payloadBytes));
  }

  /** Takes a buffer for the payload; the answer is the part of it that the payload fills. */
  allocate(request: ServerRequest): Uint8Array {
    request.memory = this.#buffers.take(request.payloadBytes);
    return exactly(request.memory, request.payloadBytes);
  }

  /** Gives back everything that a request has. */
  release(request: ServerRequest): void {
    this.freeBuffer(request);
    this.#account.giveBack(request.reservedBytes);
    request.reservedBytes = 0;
  }

  /** Gives back the buffer; what is reserved stays reserved. */
  freeBuffer(request: ServerRequest): void {
    if (request.memory !== undefined) this.#buffers.giveBack(request.memory);
    request.memory = undefined;
  }
}

/** The first bytes of a buffer; most buffers are as long as they are needed. */
export function exactly(buffer: Uint8Array, length: number): Uint8Array {
  return buffer.length === length ? buffer : buffer.subarray(0, length);
}
