export { requireKey, storeKeyBytesMax } from './store/key.ts';
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
