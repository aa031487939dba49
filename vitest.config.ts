import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      'packages/*',
      'apps/*',
      'tooling/testkit',
      'tooling/peers',
      'tooling/bench',
      'tooling/fuzz',
      'tooling/browser',
      'tooling/consumer',
      'tooling/docs',
      'tooling/release',
      'tooling/site',
      'examples/*/vitest.config.ts',
    ],
    // Much of their time tests wait, for peers and for each other; on two processors one file at a time leaves half of them idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ['default'],
  },
});
