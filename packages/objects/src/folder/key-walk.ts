/** The keys of all objects in order, from any key on. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readName } from './object-path.ts';

/** An object that was there when its folder was read. */
export interface KeyFound {
  readonly key: string;
  readonly path: string;
}

interface Entry {
  /** The key of an object; of a folder, the beginning that all keys in it have. */
  readonly text: string;
  readonly path: string;
  readonly isObject: boolean;
}

/** Keys that begin with `prefix` and come behind `after`, ascending by their characters. */
export async function* walkKeys(folder: string, prefix: string, after: string): AsyncGenerator<KeyFound> {
  yield* walk(folder, '', prefix, after);
}

async function* walk(folder: string, base: string, prefix: string, after: string): AsyncGenerator<KeyFound> {
  const entries = await entriesOf(folder, base);
  entries.sort((one, other) => (one.text < other.text ? -1 : 1));
  for (const { text, path, isObject } of entries) {
    if (isObject) {
      if (text.startsWith(prefix) && text > after) yield { key: text, path };
    } else if ((text.startsWith(prefix) || prefix.startsWith(text)) && (after.startsWith(text) || text > after)) {
      yield* walk(path, text, prefix, after);
    }
  }
}

/** What is in a folder, with what the folders of its long names have. */
async function entriesOf(folder: string, base: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const dirent of await readFolder(folder)) {
    const found = readName(dirent.name);
    if (found === undefined || dirent.isDirectory() !== (found.kind !== 'object')) continue;
    const path = join(folder, dirent.name);
    const text = base + found.text;
    if (found.kind === 'piece') entries.push(...(await entriesOf(path, text)));
    else if (found.kind === 'object') entries.push({ text, path, isObject: true });
    else entries.push({ text: `${text}/`, path, isObject: false });
  }
  return entries;
}

/** Folders may go while they are walked through. */
async function readFolder(path: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
