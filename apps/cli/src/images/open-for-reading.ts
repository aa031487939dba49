/** Opens a file operand for commands that only read. */
import { openFileDevice } from '@nbdjs/storage/file';
import type { Terminal } from '../terminal.ts';
import { openFileOperand } from './open-file.ts';
import { imageNotes, type OpenedFile } from './opening.ts';
import type { ImageOptions } from './options.ts';

/** `warn`: what may be wrong is said by this. @throws as `openFileOperand` does. */
export function openForReading(
  path: string,
  options: ImageOptions,
  terminal: Terminal,
  warn = imageNotes(terminal).warn,
): Promise<OpenedFile> {
  const openFile = (name: string, readOnly: boolean) => openFileDevice(name, { readOnly });
  return openFileOperand(path, options, { isReading: true, openFile, ...imageNotes(terminal), warn });
}
