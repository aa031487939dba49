/** A rule, and what it is given. */
import type { ObjectStore } from '../core/store/object-store.ts';

/** A store that is made for one rule. */
export interface StoreUnderTest {
  /** An empty store. */
  readonly store: ObjectStore;
  /** Another way to the same objects, as another process would have it; the same store where there is none. */
  readonly other: ObjectStore;
}

/** One rule of the seam: a sentence, and the check that it holds for a store made just for it. */
export interface StoreRule {
  /** Completes the sentence "the store ...". */
  readonly title: string;
  /** Throws or rejects when the rule does not hold. */
  check(subject: StoreUnderTest): Promise<void>;
}
