/** The suites depend on no test runner: the caller passes in its functions. */

/** The two functions that Vitest, Jest, Mocha, `node:test` and others have in common. */
export interface TestRunner {
  /** Groups the tests that its body registers. */
  readonly describe: (title: string, body: () => void) => unknown;
  /** Registers one test, which fails when its body rejects. */
  readonly it: (title: string, body: () => Promise<void>) => unknown;
}

/** One rule of a seam: a sentence, and the check that it holds for a subject made just for it. */
export interface Rule<Subject> {
  /** Completes the sentence "the device (channel, connector) ...". */
  readonly title: string;
  /** Throws or rejects when the rule does not hold. */
  check(subject: Subject): void | Promise<void>;
}

/** Registers each rule as one test, in a group. `use` makes the subject, hands it to its argument, and takes it down. */
export function registerRules<Subject>(
  runner: TestRunner,
  title: string,
  rules: readonly Rule<Subject>[],
  use: (work: (subject: Subject) => Promise<void>) => Promise<void>,
): void {
  runner.describe(title, () => {
    for (const rule of rules) runner.it(rule.title, () => use(async (subject) => await rule.check(subject)));
  });
}
