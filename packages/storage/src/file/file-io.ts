/** Reads and writes of a descriptor, whole: the kernel may carry them out in parts. */
import { read, write } from 'node:fs';
import type { Offset } from '@nbdjs/interfaces';

/** Zeroes are written in pieces of this many bytes. */
const zeroPieceBytes = 1024 * 1024;

/** Fills the target from `offset` on. One promise for the whole read. */
export function readAll(fd: number, offset: Offset, target: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    let done = 0;
    const next = (): void => {
      const position = typeof offset === 'bigint' ? offset + BigInt(done) : offset + done;
      read(fd, target, done, target.length - done, position, (error, byteCount) => {
        if (error !== null) {
          reject(error);
          return;
        }
        done += byteCount;
        if (done === target.length) resolve();
        else if (byteCount > 0) next();
        else reject(new Error('the file has become shorter'));
      });
    };
    if (target.length === 0) resolve();
    else next();
  });
}

/** Writes all of the source from `offset` on. */
export function writeAll(fd: number, offset: Offset, source: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    let done = 0;
    const next = (): void => {
      const position = typeof offset === 'bigint' ? offset + BigInt(done) : offset + done;
      // Node takes only numbers for writes; no file reaches beyond 2^53 bytes.
      write(fd, source, done, source.length - done, Number(position), (error, byteCount) => {
        if (error !== null) {
          reject(error);
          return;
        }
        done += byteCount;
        if (done === source.length) resolve();
        else next();
      });
    };
    if (source.length === 0) resolve();
    else next();
  });
}

/** Writes zeroes from `start` to `end`; `requireGoing` throws when the work is to stop, and is called before each piece. */
export async function writeZeroBytes(fd: number, start: bigint, end: bigint, requireGoing: () => void): Promise<void> {
  const left = end - start;
  if (left <= 0n) return;
  const zeroes = new Uint8Array(left < zeroPieceBytes ? Number(left) : zeroPieceBytes);
  for (let position = start; position < end; position += BigInt(zeroes.length)) {
    requireGoing();
    const rest = end - position;
    await writeAll(fd, Number(position), rest < zeroes.length ? zeroes.subarray(0, Number(rest)) : zeroes);
  }
}
