/**
 * One change of a key at a time, over all processes. The system releases the locks of a process that ends, so none is ever left behind. A lock
 * is held only while names are looked at and changed, never while bytes are written.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Semaphore } from '@nbdjs/kit';
import { lockFile } from '@nbdjs/syscalls';

/** Keys share so many lock files. */
const fileCount = 64;

/** A process that is stopped while it has a lock is waited for this long, in milliseconds. */
const waitMsMax = 10_000;
const pauseMsMax = 10;

/** The lock is held by another process for too long. */
export class LockTimeout extends Error {}

export class KeyLocks {
  readonly #folder: string;
  readonly #places = new Map<string, Semaphore>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Returns whether files can be locked here. @throws a system error when the folder cannot be written to. */
  async work(): Promise<boolean> {
    try {
      await this.run('', async () => {});
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_NBD_NOT_SUPPORTED') return false;
      throw error;
    }
  }

  /** Runs work that no other process does for this key meanwhile. @throws LockTimeout */
  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const name = String((createHash('sha256').update(key).digest()[0] as number) % fileCount).padStart(2, '0');
    let place = this.#places.get(name);
    if (place === undefined) {
      place = new Semaphore(1);
      this.#places.set(name, place);
    }
    return place.run(async () => {
      const lock = await this.#take(join(this.#folder, name));
      try {
        return await work();
      } finally {
        lock.release();
      }
    });
  }

  async #take(path: string) {
    const endMs = performance.now() + waitMsMax;
    for (let pauseMs = 0.5; ; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
      const lock = await lockFile(path);
      if (lock !== undefined) return lock;
      if (performance.now() > endMs)
        throw new LockTimeout(`another process has had ${path} locked for ${waitMsMax} ms`);
      // Varied, so that two processes do not ask in step for ever.
      await sleep(pauseMs * (0.5 + Math.random()));
    }
  }
}
