/** A temporary file for what can only be decompressed from its start to its end. */

import { mkdtempSync, rmdirSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockDevice } from '@nbdjs/interfaces';
import { openFileDevice } from '@nbdjs/storage';

/** The longest content. The file is sparse: zeroes take no room, and the file system limits the rest. */
const storeBytesMax = 2n ** 43n;

/** Makes a file without a name: it is gone when it is closed, however the program ends. */
export async function createStore(name: string, note: (text: string) => void): Promise<BlockDevice> {
  const folder = mkdtempSync(join(tmpdir(), 'nbd-'));
  const path = join(folder, 'content');
  note(`${name}: decompressing all of it into a temporary file in ${tmpdir()}, because it cannot be read in pieces`);
  try {
    return await openFileDevice(path, { create: true, size: storeBytesMax });
  } finally {
    await unlink(path).catch(() => {});
    rmdirSync(folder);
  }
}
