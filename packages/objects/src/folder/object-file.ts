/**
 * The file of an object: its bytes, and behind them a line with their length and checksum. So the file shows whether it is whole, and its ETag
 * is found without reading the bytes.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { StoredObject, StoreRange } from '../core/store/object-store.ts';

/** The line behind the bytes, for an object of this length. */
function lineOf(length: number, digest: string): string {
  return `\n# nbdjs object ${String(length).padStart(16, '0')} ${digest}\n`;
}

const linePattern = /^\n# nbdjs object ([0-9]{16}) ([0-9a-f]{32})\n$/;

/** Bytes that a file has besides those of its object. */
export const lineBytes = lineOf(0, '0'.repeat(32)).length;

/** The file is not what was written. */
export class DamagedFile extends Error {}

function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 32);
}

/** Makes the file of an object, and returns when it is on stable storage. Returns the ETag. */
export async function writeObject(path: string, body: Uint8Array): Promise<string> {
  const digest = digestOf(body);
  const handle = await open(path, 'wx', 0o666);
  try {
    const parts = [body, Buffer.from(lineOf(body.length, digest), 'latin1')].filter(({ length }) => length > 0);
    await writeAll(handle, parts);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  return `"${digest}"`;
}

async function writeAll(handle: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  for (const part of parts) {
    for (let done = 0; done < part.length; ) {
      const { bytesWritten } = await handle.write(part, done, part.length - done);
      done += bytesWritten;
    }
  }
}

/**
 * Reads an object, or a range of it. Bytes of a whole object are compared with the checksum.
 *
 * @param range `'none'`: only its facts
 * @throws DamagedFile when it is not what was written.
 */
export async function readObject(path: string, range: StoreRange | 'none' | undefined): Promise<StoredObject> {
  const handle = await open(path, 'r');
  try {
    const { size: fileBytes } = await handle.stat();
    if (fileBytes < lineBytes) throw new DamagedFile(`the file has ${fileBytes} bytes, expected ${lineBytes} or more`);
    const size = fileBytes - lineBytes;
    if (range === undefined) {
      const whole = await readAll(handle, 0, fileBytes);
      const body = whole.subarray(0, size);
      const digest = digestIn(whole.subarray(size), size);
      const found = digestOf(body);
      if (found !== digest) throw new DamagedFile(`the checksum of its bytes is ${found}, expected ${digest}`);
      return { body, size, etag: `"${digest}"` };
    }
    const digest = digestIn(await readAll(handle, size, lineBytes), size);
    const etag = `"${digest}"`;
    if (range === 'none' || range.start >= size) return { body: new Uint8Array(0), size, etag };
    const body = await readAll(handle, range.start, Math.min(range.length, size - range.start));
    return { body, size, etag };
  } finally {
    await handle.close();
  }
}

function digestIn(line: Uint8Array, size: number): string {
  const [, length, digest] = linePattern.exec(Buffer.from(line).toString('latin1')) ?? [];
  if (digest === undefined) throw new DamagedFile('the line with its checksum is not at the end');
  if (Number(length) !== size) throw new DamagedFile(`it has ${size} bytes, expected ${Number(length)}`);
  return digest;
}

async function readAll(handle: FileHandle, start: number, length: number): Promise<Uint8Array> {
  // Not from the pool of small buffers, because the caller owns it.
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw new DamagedFile(`the file ends at ${start + done}, expected ${start + length} bytes`);
    done += bytesRead;
  }
  return bytes;
}
