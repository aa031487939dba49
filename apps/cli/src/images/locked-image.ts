/** An image that is written to has one writer: its tables are in the writer's memory. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';
import { type FileLock, lockFile } from '@nbdjs/syscalls';
import { argumentError } from '../errors/argument-error.ts';

/**
 * Locks the file of an image against other writers of this program, in this process or another. The lock ends with the process, however that ends.
 *
 * @throws UsageError for the second writer; a system error when the file cannot be locked.
 */
export async function lockImage(path: string): Promise<FileLock> {
  const lock = await lockFile(path);
  if (lock !== undefined) return lock;
  throw argumentError(`${path}: the image is open for writing already, and has one writer at a time`);
}

/** Gives the lock up when the image is closed. */
export class LockedImage extends Layer {
  readonly #lock: FileLock;

  constructor(image: BlockDevice, lock: FileLock) {
    super(image, { passes: ['memory', 'resizing', 'deferredReads', 'retainedWrites'] });
    this.#lock = lock;
  }

  override async close(): Promise<void> {
    try {
      await super.close();
    } finally {
      this.#lock.release();
    }
  }
}
