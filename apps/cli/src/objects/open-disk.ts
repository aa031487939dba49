/** Opens a disk in a store, as a device that closes all that it needs. */
import { hostname } from 'node:os';
import type { BlockDevice, CommandError } from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { type ObjectDisk, type ObjectStore, type OpenDiskOptions, openDisk, openJournaledDisk } from '@nbdjs/objects';
import { lockDisk } from '@nbdjs/objects/folder';
import { argumentError } from '../errors/argument-error.ts';
import type { Terminal } from '../terminal.ts';
import { type DiskOperand, snapshotOf } from './disk-operand.ts';
import { cacheKind, journalKind, openLocalFile } from './local-file.ts';
import { openStore } from './open-store.ts';
import type { ServedDiskOptions } from './options.ts';
import { type StoreNotes, storeNotes } from './store-notes.ts';

type CacheOptions = Pick<ServedDiskOptions, 'cacheBytes' | 'localCache' | 'localCacheSize'>;

/** Options that concern all ways to open a disk. */
interface ReadingOptions extends CacheOptions {
  readonly snapshotName?: string | undefined;
  readonly quiet?: boolean | undefined;
}

export type WritingOptions = CacheOptions &
  Pick<ServedDiskOptions, 'takeOver' | 'lease' | 'journal' | 'journalSize' | 'flush' | 'discardStale'> & {
    readonly quiet?: boolean | undefined;
  };

const takeOvers = { wait: 'expired', now: 'now', never: 'never' } as const;

/** What the end of a disk depends on. */
interface Ending {
  /** Whether the user knows that the disk is lost. */
  readonly isToldOf?: () => boolean;
  readonly release?: () => void;
}

/** Opens a disk, or a snapshot, for reading. */
export async function openDiskForReading(
  operand: DiskOperand,
  options: ReadingOptions,
  terminal: Pick<Terminal, 'signal' | 'note'>,
): Promise<BlockDevice> {
  const snapshot = snapshotOf(operand, options.snapshotName);
  const notes = storeNotes(terminal, options.quiet);
  return withCache(options, (cache) =>
    withStore(operand, notes, (store) =>
      openDisk(store, operand.disk, {
        clock: systemClock,
        onRetry: notes.onRetry,
        signal: terminal.signal,
        readOnly: true,
        ...(snapshot === undefined ? {} : { snapshot }),
        ...cache,
      }),
    ),
  );
}

/**
 * Opens a disk as its writer.
 *
 * @param onFenced called when another writer has taken it over; without it, the end of the device reports that
 */
export function openDiskForWriting(
  operand: DiskOperand,
  options: WritingOptions,
  terminal: Pick<Terminal, 'signal' | 'note'>,
  onFenced?: (error: CommandError) => void,
): Promise<BlockDevice> {
  return withCache(options, (cache) => openWriter(operand, options, cache, terminal, onFenced));
}

async function openWriter(
  operand: DiskOperand,
  options: WritingOptions,
  cache: Pick<OpenDiskOptions, 'cacheBytes' | 'localCache'>,
  terminal: Pick<Terminal, 'signal' | 'note'>,
  onFenced: ((error: CommandError) => void) | undefined,
): Promise<BlockDevice> {
  if (operand.snapshot !== undefined) throw argumentError(`${operand.word}: a snapshot can only be read`);
  const { takeOver = 'wait', lease, journal, journalSize, flush = 'store', discardStale = false } = options;
  const { signal, note } = terminal;
  const notes = storeNotes(terminal, options.quiet);
  let isToldOf = false;
  const common: OpenDiskOptions = {
    onFenced: (error) => {
      isToldOf = onFenced !== undefined;
      onFenced?.(error);
    },
    clock: systemClock,
    onRetry: notes.onRetry,
    signal,
    takeOver: takeOvers[takeOver],
    label: `${hostname()}, process ${process.pid}`,
    onWait: ({ label, waitMs }) =>
      note(
        `nbd: ${operand.word} has a writer (${label}); it is taken over when that is silent for ${Math.ceil(waitMs / 1000)} s`,
      ),
    ...(lease === undefined ? {} : { leaseMs: 1000 * lease }),
    ...cache,
  };
  if (journal !== undefined) {
    const device = await openLocalFile(journal, journalKind, journalSize);
    try {
      const open = (store: ObjectStore): Promise<ObjectDisk> =>
        openJournaledDisk(store, operand.disk, { ...common, journal: device, flush, discardStale });
      return await withStore(operand, notes, open, { isToldOf: () => isToldOf });
    } catch (error) {
      await device.close();
      throw error;
    }
  }
  // A process that has the lock knows that the last one has ended, and need not wait for its lease.
  const lock = await lockOf(operand);
  const open = (store: ObjectStore): Promise<ObjectDisk> =>
    openDisk(store, operand.disk, { ...common, ...(lock === undefined ? {} : { identity: lock.identity }) });
  try {
    return await withStore(operand, notes, open, { isToldOf: () => isToldOf, release: () => lock?.release() });
  } catch (error) {
    lock?.release();
    throw error;
  }
}

async function lockOf({ store, disk }: DiskOperand) {
  try {
    return store.kind === 'folder' ? await lockDisk(store.path, disk) : undefined;
  } catch {
    // What is wrong with the folder is said when it is opened; without locks there is the lease.
    return undefined;
  }
}

/** Opens a disk with its caches. A local cache is closed with the disk, or when there is none. */
async function withCache(
  { cacheBytes, localCache: path, localCacheSize }: CacheOptions,
  open: (cache: Pick<OpenDiskOptions, 'cacheBytes' | 'localCache'>) => Promise<BlockDevice>,
): Promise<BlockDevice> {
  const memory = cacheBytes === undefined ? {} : { cacheBytes };
  if (path === undefined) return open(memory);
  const localCache = await openLocalFile(path, cacheKind, localCacheSize);
  try {
    return await open({ ...memory, localCache });
  } catch (error) {
    await localCache.close();
    throw error;
  }
}

async function withStore(
  { store: address }: DiskOperand,
  notes: StoreNotes,
  open: (store: ObjectStore) => Promise<ObjectDisk>,
  ending: Ending = {},
): Promise<BlockDevice> {
  const store = await openStore(address, notes);
  try {
    return new StoredDisk(await open(store), store, ending);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A disk with its store. What was written is flushed before the disk is closed, so that a failure is told. */
class StoredDisk extends Layer {
  readonly #store: ObjectStore;
  readonly #ending: Ending;

  constructor(disk: ObjectDisk, store: ObjectStore, ending: Ending) {
    super(disk, { passes: ['resizing'] });
    this.#store = store;
    this.#ending = ending;
  }

  override async close(): Promise<void> {
    try {
      if (!this.abilities.readOnly && this.#ending.isToldOf?.() !== true) await this.flush();
    } finally {
      await super.close();
      await this.#store.close();
      this.#ending.release?.();
    }
  }
}
