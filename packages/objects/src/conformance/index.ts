/**
 * The conformance suite for authors of object stores: each rule of the seam `ObjectStore` as one test, in any test runner.
 *
 * @packageDocumentation
 */
export type { ObjectStore } from '../core/store/object-store.ts';
export {
  type ObjectStoreFactory,
  objectStoreConformance,
  objectStoreRules,
  type StoreTestRunner,
} from './object-store-conformance.ts';
export type { StoreRule, StoreUnderTest } from './store-under-test.ts';
export { StoreConformanceError } from './verify.ts';
