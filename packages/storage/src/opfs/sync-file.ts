/** A file that a dedicated worker has open: every call answers at once. */
import { CommandError } from '@nbdjs/interfaces';
import { nextTurn } from '@nbdjs/node';
import { storageError } from '../web/storage-error.ts';
import type { SyncAccessHandle } from './handles.ts';

/** Zeroes are written in pieces of this many bytes. */
const zeroPieceBytes = 1024 * 1024;
/** Bytes that are zeroed before others have their turn. */
const turnBytes = 16 * zeroPieceBytes;

export class SyncFile {
  readonly name: string;
  readonly #handle: SyncAccessHandle;
  readonly #zeroing = new Set<Promise<void>>();
  #zeroes: Uint8Array | undefined;

  constructor(name: string, handle: SyncAccessHandle) {
    this.name = name;
    this.#handle = handle;
  }

  get size(): number {
    return this.#handle.getSize();
  }

  resize(size: number): void {
    this.#try(`giving ${this.name} a length of ${size} bytes`, () => this.#handle.truncate(size));
  }

  read(offset: number, target: Uint8Array): void {
    this.#move('read', offset, target, (piece, at) => this.#handle.read(piece, { at }));
  }

  write(offset: number, source: Uint8Array): void {
    this.#move('write', offset, source, (piece, at) => this.#handle.write(piece, { at }));
  }

  flush(): void {
    this.#try(`flushing ${this.name}`, () => this.#handle.flush());
  }

  async writeZeroes(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    const zeroing = this.#zero(offset, length, signal);
    this.#zeroing.add(zeroing);
    await zeroing.finally(() => this.#zeroing.delete(zeroing));
  }

  /** Waits for zeroing that is under way; all else has ended when its call returned. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#zeroing);
    this.#handle.close();
  }

  async #zero(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    this.#zeroes ??= new Uint8Array(zeroPieceBytes);
    for (let position = 0; position < length; position += zeroPieceBytes) {
      if (position > 0 && position % turnBytes === 0) await new Promise<void>(nextTurn);
      signal?.throwIfAborted();
      this.write(offset + position, this.#zeroes.subarray(0, Math.min(zeroPieceBytes, length - position)));
    }
  }

  #move(
    what: 'read' | 'write',
    offset: number,
    bytes: Uint8Array,
    move: (piece: Uint8Array, at: number) => number,
  ): void {
    for (let position = 0; position < bytes.length; ) {
      const piece = position === 0 ? bytes : bytes.subarray(position);
      const at = offset + position;
      const count = this.#try(`${what} of ${this.name} at ${at}`, () => move(piece, at));
      if (count <= 0) {
        const end = what === 'read' ? 'ended: the file is shorter than it was' : 'took no bytes';
        throw new CommandError(what === 'read' ? 'EIO' : 'ENOSPC', `${what} of ${this.name} at ${at} ${end}`);
      }
      position += count;
    }
  }

  #try<Result>(operation: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw storageError(operation, error);
    }
  }
}
