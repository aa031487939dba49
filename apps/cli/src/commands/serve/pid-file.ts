/** A file with the id of the process that serves. */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { argumentError } from '../../errors/argument-error.ts';
import { systemReason } from '../../errors/one-line.ts';

/**
 * Writes the process id, as nbdkit does: an existing file is overwritten, because a file that a dead process has left cannot be
 * distinguished from another. Returns a function that removes the file if it still holds this id: another server may have overwritten it.
 *
 * @throws UsageError with the system's reason when the file cannot be written.
 */
export function writePidFile(path: string): () => void {
  const text = `${process.pid}\n`;
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw argumentError(`cannot write the process id to ${path}: ${systemReason(cause)}`, { cause });
  }
  return () => {
    try {
      if (readFileSync(path, 'utf8') === text) unlinkSync(path);
    } catch {
      // It is gone already, or cannot be read any more: nothing is left to do.
    }
  };
}
