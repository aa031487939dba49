/** The suite for authors of stores. */
import type { ObjectStore } from '../core/store/object-store.ts';
import { callRules } from './call-rules.ts';
import { conditionRules } from './condition-rules.ts';
import { contentRules } from './content-rules.ts';
import { listRules } from './list-rules.ts';
import type { StoreRule } from './store-under-test.ts';

/** The two functions that Vitest, Jest, Mocha, `node:test` and others have in common. */
export interface StoreTestRunner {
  /** Groups the tests that its body registers. */
  readonly describe: (title: string, body: () => void) => unknown;
  /** Registers one test, which fails when its body rejects. */
  readonly it: (title: string, body: () => Promise<void>) => unknown;
}

/** Makes the stores that the suite tests. */
export interface ObjectStoreFactory {
  /** Makes an empty store. What it needs besides is released when the store is closed. */
  make(): Promise<ObjectStore>;
  /** Opens the objects of a store once more, as another process would. @default the store itself is used */
  reopen?(store: ObjectStore): Promise<ObjectStore>;
}

/** All rules, for runners that do not fit `StoreTestRunner`. */
export const objectStoreRules: readonly StoreRule[] = [...callRules, ...contentRules, ...conditionRules, ...listRules];

/**
 * Registers one test for each rule that an `ObjectStore` has to keep; each gets a store of its own.
 *
 * @param runner the functions of the test runner, such as `{ describe, it }` of Vitest or of `node:test`
 * @param name what the store is, for the titles
 */
export function objectStoreConformance(runner: StoreTestRunner, name: string, factory: ObjectStoreFactory): void {
  runner.describe(`ObjectStore: ${name}`, () => {
    for (const rule of objectStoreRules) {
      runner.it(rule.title, async () => {
        const store = await factory.make();
        const other = (await factory.reopen?.(store)) ?? store;
        try {
          await rule.check({ store, other });
        } finally {
          if (other !== store) await other.close();
          await store.close();
        }
      });
    }
  });
}
