import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['packages/*', 'apps/*', 'tooling/testkit', 'tooling/peers', 'tooling/bench', 'tooling/fuzz'],
    reporters: ['default'],
  },
});
