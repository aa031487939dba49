/** The slow tests of environments, which `pnpm environments` runs. */
import { defineConfig } from 'vitest/config';
import { project } from '../vitest/project.ts';

const { test, ...rest } = project('environments');

export default defineConfig({
  ...rest,
  test: {
    ...test,
    include: ['test/environments/*.test.ts'],
    globalSetup: ['test/environments/support/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
  },
});
