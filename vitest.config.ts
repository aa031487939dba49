import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['packages/*', 'apps/*', 'tooling/testkit', 'tooling/peers', 'tooling/bench'],
    reporters: ['default'],
  },
});
