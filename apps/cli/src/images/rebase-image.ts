/** Another image below an image. */
import { type BackingName, rebaseQcow2, setQcow2Backing } from '@nbdjs/images/qcow2';
import type { BlockDevice } from '@nbdjs/interfaces';
import { openFileDevice } from '@nbdjs/storage/file';
import { argumentError } from '../errors/argument-error.ts';
import { openChain } from './chain.ts';
import { lockImage } from './locked-image.ts';
import { naming } from './named-error.ts';
import type { ChainOptions } from './options.ts';
import { identityOf } from './references.ts';

/** What will be below. */
export interface NewBacking extends BackingName {
  readonly device: BlockDevice;
  /** The paths of all files that it consists of. */
  readonly files: readonly string[];
}

/** Keeps the content of an image, and changes what it is over. Returns how many bytes were written for that. */
export async function rebaseImage(
  path: string,
  next: NewBacking | undefined,
  options: ChainOptions,
  signal: AbortSignal,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<number> {
  await requireOther(path, next?.files ?? []);
  const chain = await openChain(path, options, signal);
  try {
    let writtenBytes: number;
    try {
      writtenBytes = await naming(path, () => rebaseQcow2(chain.image, next?.device, { signal, onProgress }));
    } finally {
      await chain.close();
    }
    await setBacking(path, next);
    return writtenBytes;
  } finally {
    chain.release();
  }
}

/** Only says what an image is over; its content is another one, where the two are not the same. */
export async function renameBacking(path: string, next: BackingName | undefined): Promise<void> {
  const lock = await lockImage(path);
  try {
    await setBacking(path, next);
  } finally {
    lock.release();
  }
}

async function setBacking(path: string, next: BackingName | undefined): Promise<void> {
  const file = await openFileDevice(path);
  try {
    await naming(path, () => setQcow2Backing(file, next && { name: next.name, format: next.format }));
  } finally {
    await file.close();
  }
}

/** @throws UsageError when an image would be over itself. */
async function requireOther(path: string, below: readonly string[]): Promise<void> {
  const own = await identityOf(path);
  for (const other of below) {
    if ((await identityOf(other)) === own)
      throw argumentError(`${path}: it would be over itself, by ${below.join(' -> ')}`);
  }
}
