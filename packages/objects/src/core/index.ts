export type { Abortable } from '@nbdjs/interfaces';
export {
  type CheckProgress,
  type CheckStoreOptions,
  checkStore,
  type StoreCheck,
  type StoreProblem,
} from './admin/check-store.ts';
export {
  type CollectGarbageOptions,
  type Collection,
  type CollectionProgress,
  collectGarbage,
} from './admin/collect-garbage.ts';
export { type CreateDiskOptions, createDisk } from './admin/create-disk.ts';
export {
  type DiskFacts,
  type DiskUsage,
  inspectDisk,
  listDisks,
  measureDisk,
  type SnapshotFacts,
} from './admin/list-disks.ts';
export { type ResizeDiskOptions, resizeDisk } from './admin/resize-disk.ts';
export {
  type CloneSource,
  cloneDisk,
  createSnapshot,
  type DeletionOptions,
  deleteDisk,
  deleteSnapshot,
} from './admin/snapshots.ts';
export type { ObjectDisk, ObjectDiskFigures } from './disk/disk-interface.ts';
export { openDisk } from './disk/open-disk.ts';
export type { OpenDiskOptions, OtherWriter, StoreUseOptions } from './disk/options.ts';
export type { Origin } from './format/manifest.ts';
export { type JournaledDiskOptions, openJournaledDisk } from './journal/journaled-disk.ts';
export { isKey, requireKey, storeKeyBytesMax } from './store/key.ts';
export { createMemoryStore, type MemoryStoreOptions } from './store/memory-store.ts';
export type {
  DeleteOptions,
  GetOptions,
  ListedObject,
  ListOptions,
  ListPage,
  ObjectFacts,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreAbilities,
  StoredObject,
  StoreRange,
} from './store/object-store.ts';
export { requireOneCondition, requireRange } from './store/requests.ts';
export { createRetryingStore, type RetryingStoreOptions } from './store/retrying-store.ts';
export {
  isStoreError,
  StoreError,
  type StoreErrorCode,
  type StoreErrorDetails,
  type StoreOperation,
} from './store/store-error.ts';
export {
  createTroubledStore,
  type StoreCall,
  type StoreTrouble,
  type TroubledStoreOptions,
} from './store/troubled-store.ts';
