/** Reading short text files, which may be pipes (`<(...)` of a shell). The wait for a pipe's writer has a limit. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { UsageError } from '@nbdjs/interfaces';

/** What `readTextFile` reads at most, and for how long it waits. */
export interface TextFileLimits {
  /** The longest text that is read. @default 16 MiB */
  readonly bytesMax?: number | undefined;
  /** How long a pipe may bring no data, in milliseconds. During this wait nothing else runs. @default 5000 */
  readonly pipeMs?: number | undefined;
}

/**
 * Reads a file at once, as UTF-8.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for what is too long, or a pipe out of which nothing comes; else the system's error.
 */
export function readTextFile(file: string, { bytesMax = 16 * 2 ** 20, pipeMs = 5000 }: TextFileLimits = {}): string {
  const isPipe = statSync(file).isFIFO();
  // Opening a pipe waits for its other end, and no signal is handled meanwhile.
  const fd = openSync(file, constants.O_RDONLY | (isPipe ? constants.O_NONBLOCK : 0));
  const wrong = (why: string): UsageError => new UsageError('ERR_NBD_ARGUMENT', `${file}: ${why}`);
  // A pipe is at its end once a writer has written to it, and has closed it.
  const next = (awaitsWriter = false): Buffer => {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    for (let waitedMs = 0; ; waitedMs += pauseMs) {
      const count = readSomething(fd, chunk);
      if (count !== undefined && (count > 0 || !awaitsWriter)) return chunk.subarray(0, count);
      if (waitedMs >= pipeMs) throw wrong(`it is a pipe, and no data came from it for ${pipeMs} ms`);
      Atomics.wait(sleeper, 0, 0, pauseMs);
    }
  };
  try {
    const { size } = fstatSync(fd);
    if (size > bytesMax) throw wrong(`it has ${size} bytes, at most ${bytesMax} are read`);
    const chunks: Buffer[] = [];
    let length = 0;
    for (let chunk = next(isPipe); chunk.length > 0; chunk = next()) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > bytesMax) throw wrong(`it has more than ${bytesMax} bytes, which are not read`);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    closeSync(fd);
  }
}

const pauseMs = 10;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

function readSomething(fd: number, chunk: Buffer): number | undefined {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
