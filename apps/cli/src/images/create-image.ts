/** Creates empty disks. */
import { nodeCodecs } from '@nbdjs/images/node';
import { createQcow2, type Qcow2Shape, type WriteQcow2Options, writeQcow2 } from '@nbdjs/images/qcow2';
import type { BlockDevice } from '@nbdjs/interfaces';
import { openFileDevice } from '@nbdjs/storage/file';
import { naming } from './named-error.ts';

/** What a disk in a file is like. */
export interface NewDisk {
  readonly path: string;
  readonly size: bigint;
  /** Of a qcow2 image; `undefined`: a file of zeroes. */
  readonly shape: Omit<Qcow2Shape, 'size'> | undefined;
}

/** Makes the file, or empties it. */
export async function createDisk({ path, size, shape }: NewDisk): Promise<void> {
  const file = await openFileDevice(path, { create: true, size: 0, truncate: true });
  try {
    if (shape !== undefined) await naming(path, () => createQcow2(file, { ...shape, size }));
    else await file.resizing?.resize(size);
  } finally {
    await file.close();
  }
}

/** Writes a disk as a qcow2 image. */
export function writeDisk(disk: BlockDevice, file: BlockDevice, options: WriteQcow2Options): Promise<void> {
  return writeQcow2(disk, file, { ...options, codecs: nodeCodecs });
}
