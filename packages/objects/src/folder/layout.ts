/** The folder of a store: what is in it, and how it is recognised. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '@nbdjs/interfaces';
import { StoreError } from '../core/store/store-error.ts';
import { FolderSync } from './folder-sync.ts';

/** The file that says that a folder is a store, and of which form. */
const markName = 'nbdjs-objects.json';
const mark = { format: 1, what: 'objects of nbdjs; each file is one object' };

/** Files that a process has left behind which was killed are removed when they are so old, in milliseconds. */
const leftoverMs = 24 * 60 * 60 * 1000;

export interface Layout {
  readonly root: string;
  /** All objects. */
  readonly data: string;
  /** Files that are being written. It is never made again: without it, the folder is not there (any more). */
  readonly temporary: string;
  readonly locks: string;
}

function layoutOf(root: string): Layout {
  return { root, data: join(root, 'data'), temporary: join(root, 'temporary'), locks: join(root, 'locks') };
}

/** Makes a folder into a store, if it is not one. @throws UsageError `ERR_NBD_ARGUMENT` for a folder that has something else in it. */
export async function createLayout(root: string): Promise<Layout> {
  await mkdir(root, { recursive: true });
  const names = await readdir(root);
  // Another process may be making it at this moment.
  const others = names.filter((name) => !ours.has(name) && !name.startsWith(`${markName}.`));
  if (!names.includes(markName) && others.length > 0) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `${root} is no store of objects and not empty: it has '${others[0]}' in it`,
    );
  }
  const layout = layoutOf(root);
  for (const folder of [layout.data, layout.temporary, layout.locks]) await mkdir(folder, { recursive: true });
  if (!names.includes(markName)) {
    // The mark comes last, and whole: what has it is a store.
    const path = join(root, markName);
    const fresh = `${path}.${randomBytes(8).toString('hex')}`;
    await writeFile(fresh, `${JSON.stringify(mark)}\n`, { flush: true });
    await rename(fresh, path);
    await new FolderSync().sync(root);
  }
  return openLayout(root);
}

const ours: ReadonlySet<string> = new Set([markName, 'data', 'temporary', 'locks']);

/** @throws StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no store; UsageError `ERR_NBD_NOT_SUPPORTED` for one of a newer form. */
export async function openLayout(root: string): Promise<Layout> {
  const layout = layoutOf(root);
  let format: unknown;
  try {
    format = (JSON.parse(await readFile(join(root, markName), 'utf8')) as Partial<typeof mark>).format;
    await stat(layout.data);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== undefined && code !== 'ENOENT' && code !== 'ENOTDIR') throw cause;
    const message = `folder '${root}': there is no store of objects`;
    throw new StoreError('ERR_NBD_STORE_NOT_FOUND', message, { cause });
  }
  if (format !== mark.format) {
    const message = `folder '${root}' has a store of form ${String(format)}, this version knows ${mark.format}`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  return layout;
}

/** Removes files of processes that were killed while they wrote. What cannot be removed stays. */
export async function removeLeftovers({ temporary }: Layout): Promise<void> {
  try {
    for (const name of await readdir(temporary)) {
      const path = join(temporary, name);
      if (Date.now() - (await stat(path)).mtimeMs > leftoverMs) await unlink(path);
    }
  } catch {
    // Another process may be doing the same, or the folder is for reading only.
  }
}
