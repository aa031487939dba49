/** Streams of bytes: standard input and output, other descriptors, FIFOs and character devices. */
import { constants, createReadStream, createWriteStream, fstatSync, fsync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { argumentError } from '../../errors/argument-error.ts';
import { systemErrorOf } from '../../errors/one-line.ts';
import { Interrupted, type Terminal } from '../../terminal.ts';

/** Where bytes come from. */
export interface ByteSource {
  /** A caller that stops early closes the source. Errors name it. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** A source that is still open would keep the process alive. */
  close(): void;
}

/** Where bytes go to. Errors name it; when the reader is gone, the error is an `Interrupted`. */
export interface ByteTarget {
  /** Settles when the chunk is written; an abort does not wait for a reader that does not read. */
  write(chunk: Uint8Array): Promise<void>;
  /** Settles when all bytes are written. */
  end(): Promise<void>;
  /** Flushes what was written; absent where there is no disk. */
  readonly flush?: (() => Promise<void>) | undefined;
}

/** Files are read in pieces of this length, in bytes. */
export const readBytes = 256 * 1024;

/** Returns the descriptor that a path such as `/dev/stdout` names. */
export function descriptorOf(path: string): number | undefined {
  const name = /^\/(?:dev|proc\/self)\/(?:std(in|out|err)|fd\/(\d{1,6}))$/.exec(path);
  if (name === null) return undefined;
  if (name[2] !== undefined) return Number(name[2]);
  return path.startsWith('/dev/') ? ['in', 'out', 'err'].indexOf(name[1] as string) : undefined;
}

/** The name of a descriptor in messages. */
function describeDescriptor(fd: number): string {
  return ['standard input', 'standard output', 'standard error'][fd] ?? `descriptor ${fd}`;
}

/**
 * Opens a descriptor or a path for reading in order.
 *
 * @throws errors of the system, with the name.
 */
export async function byteSource(of: number | string, terminal: Terminal): Promise<ByteSource> {
  const name = typeof of === 'number' ? describeDescriptor(of) : of;
  // To Node a folder is an empty stream.
  if (typeof of === 'number' && fstatSync(of).isDirectory()) throw argumentError(`${name} is a directory`);
  const stream = await readable(of, name, terminal);
  // The reader gets errors; without a listener, one that comes earlier would end the process.
  stream.on('error', () => {});
  return {
    bytes: namingErrors(stream, name),
    close: () => void stream.destroy(),
  };
}

async function readable(of: number | string, name: string, terminal: Terminal): Promise<Readable> {
  if (typeof of === 'string') {
    const file = await opened(of, constants.O_RDONLY, name, terminal);
    return file.createReadStream({ highWaterMark: readBytes });
  }
  if (of === 0) return terminal.stdin;
  if (isPipe(of)) return new Socket({ fd: of, readable: true, writable: false });
  return createReadStream('', { fd: of, autoClose: false, highWaterMark: readBytes });
}

async function* namingErrors(stream: Readable, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw systemErrorOf(name, error);
  }
}

/**
 * Opens a descriptor or a path for writing in order.
 *
 * @throws errors of the system, with the name.
 */
export async function byteTarget(of: number | string, terminal: Terminal): Promise<ByteTarget> {
  const { signal } = terminal;
  const name = typeof of === 'number' ? describeDescriptor(of) : of;
  const { stream, fd, isOurs } = await writable(of, name, terminal);
  // Each write gets its error; without a listener it would end the process as well.
  stream.on('error', () => {});
  const fail = (error: unknown): Error => {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return new Interrupted('a closed pipe', 13);
    return error === signal.reason && error instanceof Interrupted ? error : systemErrorOf(name, error);
  };
  const settling = (act: (settle: (error?: Error | null) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => reject(fail(signal.reason));
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      act((error) => {
        signal.removeEventListener('abort', onAbort);
        if (error) reject(fail(error));
        else resolve();
      });
    });
  return {
    write: (chunk) => settling((settle) => stream.write(chunk, settle)),
    // Standard output is left open for what is printed afterwards; its writes have settled.
    end: async () => {
      if (!isOurs) return;
      await settling((settle) => {
        stream.once('error', settle);
        stream.end(() => settle());
      });
    },
    flush: isDisk(fd) ? () => promisify(fsync)(fd).catch((error: unknown) => Promise.reject(fail(error))) : undefined,
  };
}

async function writable(
  of: number | string,
  name: string,
  terminal: Terminal,
): Promise<{ readonly stream: Writable; readonly fd: number; readonly isOurs: boolean }> {
  if (of === 1) return { stream: terminal.stdout, fd: 1, isOurs: false };
  if (typeof of === 'number') {
    // Without a position, the system writes at the descriptor's current position, or appends.
    const stream = isPipe(of)
      ? new Socket({ fd: of, readable: false, writable: true })
      : createWriteStream('', { fd: of, autoClose: false });
    return { stream, fd: of, isOurs: true };
  }
  const file = await opened(of, constants.O_WRONLY, name, terminal);
  return { stream: file.createWriteStream(), fd: file.fd, isOurs: true };
}

/** @throws errors of the system, with the name. */
async function opened(path: string, flags: number, name: string, { signal }: Terminal): Promise<FileHandle> {
  try {
    return await abortable(open(path, flags), signal);
  } catch (error) {
    throw error === signal.reason ? error : systemErrorOf(name, error);
  }
}

/** The opening of a FIFO waits for its other end, and cannot be aborted. */
function abortable<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function isPipe(fd: number): boolean {
  const stats = fstatSync(fd);
  return stats.isFIFO() || stats.isSocket();
}

function isDisk(fd: number): boolean {
  const stats = fstatSync(fd);
  return stats.isFile() || stats.isBlockDevice();
}
