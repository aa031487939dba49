/** A temporary file for what can only be decompressed from its start to its end. */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { statfs, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockDevice, type Offset, UsageError, type WriteOptions } from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';
import { openFileDevice } from '@nbdjs/storage';

/** The longest content. The file is sparse, and zeroes take no room. */
const storeBytesMax = 2n ** 43n;
/** Other programs need room for temporary files, too: the content may take this part of what is free. */
const shareMax = 0.9;

/** Makes a file without a name: it is gone when it is closed, however the program ends. */
export async function createStore(name: string, note: (text: string) => void): Promise<BlockDevice> {
  const folder = mkdtempSync(join(tmpdir(), 'nbd-'));
  const path = join(folder, 'content');
  note(`${name}: decompressing all of it into a temporary file in ${tmpdir()}, because it cannot be read in pieces`);
  try {
    const { bavail, bsize } = await statfs(folder);
    const file = await openFileDevice(path, { create: true, size: storeBytesMax });
    return new BoundedStore(file, Math.floor(bavail * bsize * shareMax));
  } finally {
    await unlink(path).catch(() => {});
    rmdirSync(folder);
  }
}

/** A device that takes so many bytes. What is all zero is not written to it. */
class BoundedStore extends Layer {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(inner: BlockDevice, bytesMax: number) {
    super(inner, { passes: ['deferredReads'] });
    this.#bytesMax = bytesMax;
  }

  override write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void> {
    this.#bytes += source.length;
    if (this.#bytes > this.#bytesMax) {
      const message = `it takes more than ${this.#bytesMax} bytes, which is what may be used of ${tmpdir()}; TMPDIR names another folder`;
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
    }
    return super.write(offset, source, options);
  }
}
