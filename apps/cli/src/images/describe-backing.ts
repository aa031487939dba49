/** The image below a new one: it has to be there, in the format that is said. */
import { dirname, resolve } from 'node:path';
import type { BlockDevice } from '@nbdjs/interfaces';
import { argumentError } from '../errors/argument-error.ts';
import type { Terminal } from '../terminal.ts';
import { formatOfName, formatOfWord } from './formats.ts';
import { openForReading } from './open-for-reading.ts';

/** An image below, opened. */
export interface Backing {
  readonly device: BlockDevice;
  /** In the words of QEMU, as it is written into images. */
  readonly format: string;
  /** The paths of all files that it consists of, those below it included. */
  readonly files: readonly string[];
}

/**
 * Opens the image below.
 *
 * @param path the new image, from whose folder the name begins
 * @throws UsageError when it cannot be opened.
 */
export async function describeBacking(
  path: string,
  name: string,
  { backingFormat }: { readonly backingFormat?: string | undefined },
  terminal: Terminal,
): Promise<Backing> {
  const word = backingFormat ?? formatOfName(name) ?? 'raw';
  const format = formatOfWord(word);
  if (format === undefined) throw argumentError(`--backing-format: '${word}' is not a format that is known here`);
  const place = resolve(dirname(path), name);
  const { device, parts } = await openForReading(place, { format, references: 'all' }, terminal);
  const files = parts?.map((part) => part.name) ?? [place];
  return { device, format: format === 'vhd' ? 'vpc' : format, files };
}
