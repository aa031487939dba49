/** The file of a journal: made where it is missing, locked, and never taken from something else. */
import { open } from 'node:fs/promises';
import type { BlockDevice } from '@nbdjs/interfaces';
import { isZero, Layer } from '@nbdjs/kit';
import { openFileDevice } from '@nbdjs/storage';
import { type FileLock, lockFile } from '@nbdjs/syscalls';
import { argumentError } from '../errors/argument-error.ts';

const bytesDefault = 2 ** 30;

/** Both superblocks of a journal. */
const headBytes = 8192;

/** What the first superblock of a journal begins with. */
const magic = 'nbdj1jnl';

/**
 * Opens the device of a journal. Closing it gives up the lock.
 *
 * @throws UsageError for a file that another process has, or that is something else.
 */
export async function openJournalFile(path: string, size = bytesDefault): Promise<BlockDevice> {
  await makeFile(path, size);
  const lock = await lockFile(path);
  if (lock === undefined) throw argumentError(`the journal ${path} is in use by another process`);
  try {
    const device = new LockedDevice(await openFileDevice(path), lock);
    await requireJournal(path, device);
    return device;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Space is not reserved: a journal uses little of it, most of the time. */
async function makeFile(path: string, size: number): Promise<void> {
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.truncate(size);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** A disk or a letter that is given by mistake is not written over. */
async function requireJournal(path: string, device: BlockDevice): Promise<void> {
  const head = new Uint8Array(Math.min(headBytes, Number(device.geometry.size)));
  await device.read(0, head);
  const text = (from: number): string => Buffer.from(head.subarray(from, from + magic.length)).toString('latin1');
  if (isZero(head) || text(0) === magic || text(headBytes / 2) === magic) return;
  await device.close();
  throw argumentError(`${path} is no journal and not empty; to use it as one, empty it`);
}

class LockedDevice extends Layer {
  readonly #lock: FileLock;

  constructor(device: BlockDevice, lock: FileLock) {
    super(device, { passes: [] });
    this.#lock = lock;
  }

  override async close(): Promise<void> {
    await super.close();
    this.#lock.release();
  }
}
