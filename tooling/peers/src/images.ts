/** Disk images to serve: the same in every run. */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';

export interface ImageArea {
  readonly offset: number;
  readonly length: number;
}

/** Makes a raw image with random bytes in some areas and holes elsewhere. */
export function makeRawImage(path: string, size: number, areas: readonly ImageArea[], seed = 1): void {
  const fd = openSync(path, 'w');
  try {
    ftruncateSync(fd, size);
    let block = 0;
    for (const { offset, length } of areas) {
      for (let done = 0; done < length; ) {
        const bytes = randomBlock(`${seed}/${block++}`).subarray(0, length - done);
        writeSync(fd, bytes, 0, bytes.length, offset + done);
        done += bytes.length;
      }
    }
  } finally {
    closeSync(fd);
  }
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

/** Bytes that a file takes on its disk; where it is in many pieces, some KiB more than it has, for the list of them. */
export function allocatedBytes(path: string): number {
  return statSync(path).blocks * 512;
}

/** 64 KiB that look random and depend on nothing but the seed. */
function randomBlock(seed: string): Buffer {
  return createHash('shake256', { outputLength: 65536 }).update(seed).digest();
}
