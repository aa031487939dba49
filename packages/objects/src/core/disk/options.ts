/** What a disk is opened with. */
import type { BlockDevice, Clock, CommandError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';
import { retryingStoreOptions } from '../store/retrying-store.ts';

const { random, retryMs, attemptMs, onRetry } = retryingStoreOptions.definitions;

/** What all functions that reach a store have in common. */
export const storeUseOptions = defineOptions({
  /** Measures the lease, delays and limits of time. */
  clock: option.object<Clock>({ required: true, doc: 'Measures the lease, delays and limits of time.' }),
  /** Numbers from 0 up to, not including, 1, to vary the delays. @default Math.random */
  random,
  /** Time for a request to the store with all its attempts, in milliseconds. @default 60000 */
  retryMs,
  /** Time for one attempt, in milliseconds. @default 30000 */
  attemptMs,
  /** Called when a request to the store has failed, and will be repeated after this delay, in milliseconds. @default none */
  onRetry,
  /** The time of day in milliseconds since 1970, which snapshots get. @default Date.now */
  wallClock: option.callback<() => number>({
    default: Date.now,
    defaultText: 'Date.now',
    doc: 'The time of day in milliseconds since 1970, which disks and snapshots get.',
  }),
  /** Makes ids: 16 hexadecimal digits that nobody else has. @default from `crypto.getRandomValues` */
  makeId: option.callback<() => string>({
    default: randomId,
    defaultText: 'from `crypto.getRandomValues`',
    doc: 'Makes ids: 16 hexadecimal digits that nobody else has.',
  }),
});

/** How a store is used. */
export interface StoreUseOptions extends OptionsOf<typeof storeUseOptions> {}

export interface StoreUse extends SettingsOf<typeof storeUseOptions> {}

/** A writer that is in the way of the one that opens. */
export interface OtherWriter {
  /** Who it is, for people. */
  readonly label: string;
  /** Its epoch. */
  readonly epoch: number;
  /** After so long a silence, in milliseconds, it counts as dead. */
  readonly waitMs: number;
}

export const openDiskOptions = defineOptions({
  ...storeUseOptions.definitions,
  /** Ends the opening. @default none */
  signal: option.signal({ doc: 'Ends the opening.' }),
  /** Opens the disk for reading, at the state that was flushed last. It does not follow the writer. @default false */
  readOnly: option.boolean({
    default: false,
    doc: 'Opens the disk for reading, at the state that was flushed last. It does not follow the writer.',
  }),
  /** Opens this snapshot, for reading. @default the disk itself */
  snapshot: option.text({ defaultText: 'the disk itself', doc: 'Opens this snapshot, for reading.' }),
  /**
   * What to do when another writer has not given up the disk. `never`: refuse. `expired`: watch it for the time of its lease, and
   * take over when it is silent. `now`: take over at once; what the other has not flushed is lost, as if it had crashed. @default expired
   */
  takeOver: option.oneOf(['never', 'expired', 'now'], {
    default: 'expired',
    doc: 'What to do when another writer has not given up the disk. `never`: refuse. `expired`: watch it for the time of its lease, and take over when it is silent. `now`: take over at once; what the other has not flushed is lost, as if it had crashed.',
  }),
  /** Called once when another writer is watched, before the wait. @default none */
  onWait: option.callback<(other: OtherWriter) => void>({
    defaultText: 'none',
    doc: 'Called once when another writer is watched, before the wait.',
  }),
  /** Called once when this writer finds that it cannot write any more, with what all calls fail with from then on. @default none */
  onFenced: option.callback<(error: CommandError) => void>({
    defaultText: 'none',
    doc: 'Called once when this writer finds that it cannot write any more, with what all calls fail with from then on.',
  }),
  /** The lease in milliseconds: after so long a silence others may take over. It is renewed three times as often. @default 30000 */
  leaseMs: option.wholeMilliseconds({
    default: 30_000,
    least: 100,
    doc: 'The lease: after so long a silence others may take over. It is renewed three times as often.',
  }),
  /** Who writes, for people: a host, a process. @default nbdjs */
  label: option.text({ default: 'nbdjs', doc: 'Who writes, for people: a host, a process.' }),
  /**
   * Says that an earlier writer of the same identity has ended for sure, so that there is no wait for its lease. Only for callers that make
   * sure of it, for instance by a lock on a folder. @default none
   */
  identity: option.text({
    defaultText: 'none',
    doc: 'Says that an earlier writer of the same identity has ended for sure, so that there is no wait for its lease. Only for callers that make sure of it, for instance by a lock on a folder.',
  }),
  /** Memory for what was written and is not stored yet, in bytes; writes wait for room. At least two objects. @default 64 MiB */
  dirtyBytes: option.bytes({
    default: 64 * 2 ** 20,
    defaultText: '64 MiB',
    doc: 'Memory for what was written and is not stored yet; writes wait for room. At least two objects.',
  }),
  /** Memory for what was read, in bytes. @default 64 MiB */
  cacheBytes: option.bytes({
    default: 64 * 2 ** 20,
    defaultText: '64 MiB',
    zero: 'none',
    doc: 'Memory for what was read.',
  }),
  /**
   * Keeps what was read and written also on this local device, from where it is read after a restart, too. The device may be lost or damaged at
   * any time. Nothing else may use it meanwhile. It is closed with the disk. @default none
   */
  localCache: option.object<BlockDevice>({
    defaultText: 'none',
    doc: 'Keeps what was read and written also on this local device, from where it is read after a restart, too. The device may be lost or damaged at any time. Nothing else may use it meanwhile. It is closed with the disk.',
  }),
  /** What is read ahead of reads in ascending order at most, in bytes; half of the cache at most. @default 32 MiB */
  readAheadBytes: option.bytes({
    default: 32 * 2 ** 20,
    defaultText: '32 MiB',
    zero: 'none',
    doc: 'What is read ahead of reads in ascending order at most; half of the cache at most.',
  }),
  /** Objects that are read at a time. @default 16 */
  parallelGets: option.count({ default: 16, most: 1024, doc: 'Objects that are read at a time.' }),
  /** Objects that are stored at a time. Each takes memory for a whole object. @default 8 */
  parallelPuts: option.count({
    default: 8,
    most: 1024,
    doc: 'Objects that are stored at a time. Each takes memory for a whole object.',
  }),
});

/** How a disk is opened. */
export interface OpenDiskOptions extends OptionsOf<typeof openDiskOptions> {}

export interface DiskSettings extends SettingsOf<typeof openDiskOptions> {}

/** 64 random bits. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
