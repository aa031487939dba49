/** The file of a copy that can be resumed. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import type { CheckpointStore } from '@nbdjs/interfaces';

/**
 * Keeps the checkpoint of a copy in a file. Each new text is written to `path` with `.new` behind it, flushed, and renamed, so that the
 * file is whole at all times.
 *
 * `save` rejects with an error of the system that names the path; the text before stays.
 */
export function createCheckpointFile(path: string): CheckpointStore {
  return {
    name: path,
    async load() {
      try {
        return await readFile(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    async save(text) {
      const fresh = `${path}.new`;
      try {
        await writeDurably(fresh, text);
        await rename(fresh, path);
      } catch (error) {
        // The previous checkpoint is still there.
        await rm(fresh, { force: true }).catch(() => {});
        throw savingError(path, error as NodeJS.ErrnoException);
      }
    },
    async remove() {
      await rm(path, { force: true });
    },
  };
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function savingError(path: string, cause: NodeJS.ErrnoException): Error {
  // The system's message is `CODE: reason, call 'path'`.
  const reason = /^[A-Z0-9]+: (.+?), \w+/s.exec(cause.message)?.[1] ?? cause.message;
  const error = new Error(`the checkpoint ${path} cannot be saved: ${reason}`, { cause });
  return Object.assign(error, { code: cause.code, syscall: cause.syscall });
}
