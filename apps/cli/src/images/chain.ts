/** Opens an image for changing it together with its chain. */
import type { ImageDevice } from '@nbdjs/images';
import { probeImage } from '@nbdjs/images/probe';
import { openFileDevice } from '@nbdjs/storage/file';
import type { FileLock } from '@nbdjs/syscalls';
import { argumentError } from '../errors/argument-error.ts';
import { chooseFormat } from './choose-format.ts';
import { lockImage } from './locked-image.ts';
import { openDisk } from './open-disk.ts';
import type { ChainOptions } from './options.ts';
import { filesMax, identityOf, type WrittenBelow } from './references.ts';

/** An image that is changed. */
export interface ImageChain {
  readonly image: ImageDevice;
  /** Closes all that was opened. The locks stay. */
  close(): Promise<void>;
  /** Gives the locks up. To be called last, also after a failure. */
  release(): void;
}

/**
 * Opens a qcow2 image for writing, with locks on all files that are changed.
 *
 * @throws UsageError when it is no qcow2 image, or only its content says so.
 */
export async function openChain(
  path: string,
  { format, references: policy = 'folder' }: ChainOptions,
  signal: AbortSignal,
  written?: WrittenBelow,
): Promise<ImageChain> {
  const locks: FileLock[] = [];
  const release = (): void => {
    for (const lock of locks.splice(0)) lock.release();
  };
  const openFile = async (name: string, readOnly: boolean) => {
    const lock = readOnly ? undefined : await lockImage(name);
    if (lock !== undefined) locks.push(lock);
    return openFileDevice(name, { readOnly });
  };
  try {
    await requireImage(path, format, signal);
    const file = await openFile(path, false);
    try {
      const image = await openDisk(file, 'qcow2', {
        name: path,
        path,
        isStated: true,
        isWriting: true,
        written,
        policy,
        chain: new Map([[await identityOf(path), path]]),
        budget: { filesLeft: filesMax },
        parts: [],
        openFile,
        signal,
      });
      return { image, close: () => image.close(), release };
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    release();
    throw error;
  }
}

/** What is changed has to be an image by more than its content: a guest can write any content. */
async function requireImage(path: string, given: 'qcow2' | undefined, signal: AbortSignal): Promise<void> {
  const file = await openFileDevice(path, { readOnly: true });
  try {
    const { format: content } = await probeImage(file, { signal });
    const choice = chooseFormat({ name: path, content, given, isReading: false, isArchive: false });
    if (choice.kind === 'disk' && choice.format === 'qcow2' && content === 'qcow2') return;
    const hint = content === 'qcow2' ? '; --format qcow2 says that it is' : '';
    throw argumentError(`${path}: not a qcow2 image by its name and its content${hint}`);
  } finally {
    await file.close();
  }
}
