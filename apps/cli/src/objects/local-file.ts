/** Files beside a store, of a journal or a cache: made where they are missing, locked, and never taken from something else. */
import { open } from 'node:fs/promises';
import type { BlockDevice } from '@nbdjs/interfaces';
import { isZero, Layer } from '@nbdjs/kit';
import { openFileDevice } from '@nbdjs/storage';
import { type FileLock, lockFile } from '@nbdjs/syscalls';
import { argumentError } from '../errors/argument-error.ts';

/** What a file is for. */
export interface LocalFileKind {
  /** In messages. */
  readonly what: string;
  /** Of a file that is made, in bytes. */
  readonly size: number;
  /** What such a file has at its start. */
  readonly magic: string;
  /** Where this may be: of two copies, one may be damaged. */
  readonly places: readonly number[];
}

export const journalKind: LocalFileKind = { what: 'journal', size: 2 ** 30, magic: 'nbdj1jnl', places: [0, 4096] };
export const cacheKind: LocalFileKind = { what: 'local cache', size: 10 * 2 ** 30, magic: 'nbdj1che', places: [0] };

/**
 * Opens the device of a journal or a cache. Closing it gives up the lock.
 *
 * @param size of a file that is made, in bytes
 * @throws UsageError for a file that another process has, or that is something else.
 */
export async function openLocalFile(path: string, kind: LocalFileKind, size = kind.size): Promise<BlockDevice> {
  await makeFile(path, size);
  const lock = await lockFile(path);
  if (lock === undefined) throw argumentError(`the ${kind.what} ${path} is in use by another process`);
  try {
    const device = new LockedDevice(await openFileDevice(path), lock);
    await requireKind(path, device, kind);
    return device;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Space is not reserved. */
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
async function requireKind(path: string, device: BlockDevice, { what, magic, places }: LocalFileKind): Promise<void> {
  const last = places.at(-1) ?? 0;
  const head = new Uint8Array(Math.min(last + 4096, Number(device.geometry.size)));
  await device.read(0, head);
  const text = (from: number): string => Buffer.from(head.subarray(from, from + magic.length)).toString('latin1');
  if (isZero(head) || places.some((place) => text(place) === magic)) return;
  await device.close();
  throw argumentError(`${path} is no ${what} and not empty; to use it as one, empty it`);
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
