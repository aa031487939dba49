/** Recordings in files. */
import { closeSync, createReadStream, existsSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { UsageError } from '@nbdjs/interfaces';
import type { ConnectionEntry, ReadEntry, StartEntry } from '../recording/entry.ts';
import { Recording, type RecordingOptions, type RecordingTarget, recordingOptions } from '../recording/recording.ts';
import { readRecords } from '../recording/recording-reader.ts';
import { matchRequests } from '../recording/request-matcher.ts';
import type { SessionLog } from '../recording/session-log.ts';

/** Records are collected until there are so many bytes of them, or `flush` is called. */
const bufferBytes = 256 * 1024;

/** The name of the part before. */
function olderPart(path: string): string {
  return `${path}.1`;
}

/** The parts of a recording as files: the last at the path itself, the one before with `.1` behind its name. */
class FileTarget implements RecordingTarget {
  readonly #path: string;
  #fd: number;
  readonly #buffer = new Uint8Array(bufferBytes);
  #filled = 0;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'w', 0o600);
    // It would be taken for a part of this recording.
    rmSync(olderPart(path), { force: true });
  }

  write(bytes: Uint8Array): void {
    if (this.#filled + bytes.length > this.#buffer.length) this.flush();
    if (bytes.length > this.#buffer.length) {
      writeAll(this.#fd, bytes);
      return;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  nextPart(): void {
    this.close();
    renameSync(this.#path, olderPart(this.#path));
    this.#fd = openSync(this.#path, 'w', 0o600);
  }

  flush(): void {
    writeAll(this.#fd, this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.#fd);
    }
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** A recording that goes to a file, or two. */
export interface RecordingFile {
  /** Whether it has ended because it was as long as it may be. */
  readonly isFull: boolean;
  /** Writes an entry. @throws an error of the system. */
  add(entry: ConnectionEntry): void;
  /** Hands what was collected to the system; without it, that is done at 256 KiB. @throws an error of the system. */
  flush(): void;
  /** Marks the end of the recording and closes its file. @throws an error of the system. */
  close(): void;
}

/**
 * Begins a recording in a file, which is replaced if it is there; only its user can read it. A recording that keeps its last bytes also has
 * a file with `.1` behind its name, with the part before.
 *
 * @param log The log whose entries it is given.
 * @throws UsageError for an option that is wrong, and an error of the system when the file cannot be opened.
 */
export function createRecordingFile(path: string, log: SessionLog, options: RecordingOptions = {}): RecordingFile {
  recordingOptions.resolve('createRecordingFile', options);
  const target = new FileTarget(path);
  const recording = new Recording(target, log, options);
  let isOpen = true;
  return {
    get isFull() {
      return recording.isFull;
    },
    add: (entry) => recording.add(entry),
    flush() {
      if (isOpen) target.flush();
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      try {
        recording.close();
      } finally {
        target.close();
      }
    },
  };
}

/**
 * Yields the entries of a recording in a file, those of its older part first, if there is one. The end of the older part is left out: it
 * goes on in the other.
 *
 * @throws as `readRecording`, and an error of the system when the file cannot be read.
 */
export async function* readRecordingFile(path: string): AsyncGenerator<ReadEntry, void, void> {
  yield* matchRequests(readParts(path));
}

async function* readParts(path: string): AsyncGenerator<ReadEntry, void, void> {
  const older = olderPart(path);
  const start = await startOf(path);
  if (start !== undefined && start.part > 0 && existsSync(older)) {
    const before = await startOf(older);
    // Another recording may have left its file there.
    if (before?.id === start.id && before.part === start.part - 1) {
      for await (const entry of readRecords(bytesOf(older))) if (entry.type !== 'cut') yield entry;
    }
  }
  yield* readRecords(bytesOf(path));
}

async function startOf(path: string): Promise<StartEntry | undefined> {
  for await (const entry of readRecords(bytesOf(path))) return entry.type === 'start' ? entry : undefined;
  return undefined;
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: 256 * 1024 })) yield bytes as Uint8Array;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EISDIR') {
      throw new UsageError('ERR_NBD_ARGUMENT', `${path} is a folder, expected a recording`, { cause: error });
    }
    throw error;
  }
}
