/** A file that tells others which process serves. */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { UsageError } from '@nbdjs/interfaces';
import { systemReason } from '../failure.ts';

/**
 * Writes the process id, as nbdkit does: over whatever is there, for a file that a dead process has left cannot be told from
 * another's. Gives a function that takes the file away again, if it is still ours: another server may have written its own id over it.
 *
 * @throws UsageError with the system's reason when the file cannot be written.
 */
export function writePidFile(path: string): () => void {
  const text = `${process.pid}\n`;
  try {
    writeFileSync(path, text);
  } catch (cause) {
    const message = `cannot write the process id to ${path}: ${systemReason(cause)}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message, { cause });
  }
  return () => {
    try {
      if (readFileSync(path, 'utf8') === text) unlinkSync(path);
    } catch {
      // It is gone already, or not to be read any more; there is nothing left to do with it.
    }
  };
}
