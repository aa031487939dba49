/** Creates empty disks. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { createCompressionThreads, nodeCodecs } from '@nbdjs/images/node';
import { createQcow2, type Qcow2Shape, type WriteQcow2Options, writeQcow2 } from '@nbdjs/images/qcow2';
import type { BlockDevice } from '@nbdjs/interfaces';
import { inheritedWorkerOptions } from '@nbdjs/node';
import { openFileDevice } from '@nbdjs/storage/file';
import { moduleBeside } from '../thread-module.ts';
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

/** Pieces of 1 MiB for each thread that are read and compressed at the same time. */
const piecesPerThread = 4;

/** Writes a disk as a qcow2 image. What is compressed with zstd is compressed by as many threads as there are processors. */
export async function writeDisk(disk: BlockDevice, file: BlockDevice, options: WriteQcow2Options): Promise<void> {
  if (options.compress !== true || options.compression !== 'zstd') {
    await writeQcow2(disk, file, { ...options, codecs: nodeCodecs });
    return;
  }
  const threads = Math.min(availableParallelism(), 64);
  const pool = createCompressionThreads({ threads, startThread: startCompressionThread });
  try {
    const parallel = Math.max(8, piecesPerThread * threads);
    await writeQcow2(disk, file, { ...options, codecs: pool.codecs, parallel });
  } finally {
    await pool.close();
  }
}

function startCompressionThread(): Worker {
  const module = moduleBeside(import.meta.url, 'compress-thread');
  return new Worker(module, { name: 'nbd-compress', ...inheritedWorkerOptions() });
}
