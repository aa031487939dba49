/**
 * A store of objects in a folder of the file system, for Node.
 *
 * @packageDocumentation
 */
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
} from '../core/store/object-store.ts';
export { type DiskLock, lockDisk } from './disk-lock.ts';
export { type FolderStoreOptions, openFolderStore } from './folder-store.ts';
