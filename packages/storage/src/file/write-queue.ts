/**
 * Writes of a regular file by threads, one call at a time. The system writes to a file for one caller only, and threads that wait for
 * their turn keep processors busy. Writes that wait here cost nothing, and those that follow one another go with one call.
 */
import { writev } from 'node:fs';

/** Bytes and writes in one call, at most. */
const callBytesMax = 4 * 1024 * 1024;
const callWritesMax = 64;

/** Writes the pieces from a position on, and reports how many bytes it has written. The same as `writev` of `node:fs`. */
export type WriteVector = (
  fd: number,
  pieces: readonly Uint8Array[],
  position: number,
  done: (error: Error | null, byteCount: number) => void,
) => void;

interface Waiting {
  readonly offset: number;
  readonly source: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** It was in a call that failed, and has to have a result of its own. */
  isAlone: boolean;
}

export class WriteQueue {
  readonly #fd: number;
  readonly #writeVector: WriteVector;
  readonly #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(fd: number, writeVector: WriteVector = writev) {
    this.#fd = fd;
    this.#writeVector = writeVector;
  }

  /** Settles when all of the source is written. Rejects with the system's error. */
  write(offset: number, source: Uint8Array): Promise<void> {
    if (source.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ offset, source, resolve, reject, isAlone: false });
      if (!this.#isWriting) this.#writeNext();
    });
  }

  #writeNext(): void {
    const first = this.#waiting.shift();
    this.#isWriting = first !== undefined;
    if (first !== undefined) this.#write(this.#withFollowing(first), 0);
  }

  /** Returns a write with those that continue where it ends, out of those that wait. */
  #withFollowing(first: Waiting): readonly Waiting[] {
    const call = [first];
    let end = first.offset + first.source.length;
    while (!first.isAlone && call.length < callWritesMax) {
      const index = this.#waiting.findIndex(({ offset, isAlone }) => offset === end && !isAlone);
      const next = this.#waiting[index];
      if (next === undefined || end + next.source.length - first.offset > callBytesMax) break;
      this.#waiting.splice(index, 1);
      call.push(next);
      end += next.source.length;
    }
    return call;
  }

  /** Writes what is left of a call behind its first `doneBytes` bytes. */
  #write(call: readonly Waiting[], doneBytes: number): void {
    const pieces = piecesFrom(call, doneBytes);
    const leftBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    this.#writeVector(this.#fd, pieces, (call[0] as Waiting).offset + doneBytes, (error, byteCount) => {
      if (error !== null || byteCount === 0) {
        this.#failed(call, error ?? new Error('the system has written no bytes'));
      } else if (byteCount < leftBytes) {
        this.#write(call, doneBytes + byteCount);
      } else {
        for (const { resolve } of call) resolve();
        this.#writeNext();
      }
    });
  }

  #failed(call: readonly Waiting[], error: Error): void {
    if (call.length === 1) {
      call[0]?.reject(error);
    } else {
      for (const one of call) one.isAlone = true;
      this.#waiting.unshift(...call);
    }
    this.#writeNext();
  }
}

/** The bytes of a call without the first `doneBytes`. */
function piecesFrom(call: readonly Waiting[], doneBytes: number): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let skip = doneBytes;
  for (const { source } of call) {
    if (skip < source.length) pieces.push(skip === 0 ? source : source.subarray(skip));
    skip = Math.max(0, skip - source.length);
  }
  return pieces;
}
