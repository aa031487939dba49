/** A process that writes to a disk until it is killed. It says of each block what it is about to write, and of each flush that it is done. */
import { systemClock } from '@nbdjs/node';
import { openDisk, openJournaledDisk } from '@nbdjs/objects';
import { openFileDevice } from '@nbdjs/storage/file';
import { createS3Store, type S3StoreOptions } from '../../src/index.ts';

/** What the writer is told when it starts. */
export interface CrashTask {
  readonly store: S3StoreOptions;
  readonly disk: string;
  /** The file of the journal; without one, a flush is done when the store has everything. */
  readonly journal?: string | undefined;
  readonly blocks: number;
  /** Of the last process; later writes have higher ones. */
  readonly version: number;
}

/** What the writer says. */
export type CrashNews =
  /** It is about to write the version to the block. */
  | { readonly block: number; readonly version: number }
  /** All up to this version is flushed. */
  | { readonly flushed: number };

/** Length of a block, in bytes. */
export const crashBlockBytes = 4096;

/** A block that shows its number and its version in all places. */
export function crashBlock(block: number, version: number): Uint8Array {
  return new Uint8Array(
    Uint32Array.from({ length: crashBlockBytes / 4 }, (_, index) => (index % 2 ? version : block)).buffer,
  );
}

/** Opens the disk as the writer does; the last writer is known to be dead. */
export async function openForCrash({ store: options, disk, journal }: CrashTask) {
  const store = createS3Store(options);
  const use = { clock: systemClock, takeOver: 'now', leaseMs: 10_000 } as const;
  const opened =
    journal === undefined
      ? await openDisk(store, disk, use)
      : await openJournaledDisk(store, disk, { ...use, journal: await openFileDevice(journal), flush: 'journal' });
  return { disk: opened, store };
}

async function write(task: CrashTask): Promise<void> {
  const { disk } = await openForCrash(task);
  for (let version = task.version + 1; ; version++) {
    const block = Math.floor(Math.random() * task.blocks);
    tell({ block, version });
    await disk.write(block * crashBlockBytes, crashBlock(block, version));
    if (Math.random() < 0.1) {
      await disk.flush();
      tell({ flushed: version });
    }
  }
}

function tell(news: CrashNews): void {
  process.send?.(news);
}

if (process.env.CRASH_TASK !== undefined) await write(JSON.parse(process.env.CRASH_TASK) as CrashTask);
