import { defineProject } from 'vitest/config';

/** Condition under which our packages resolve to their TypeScript sources. */
const source = '@nbdjs/source';

/** Node 20 cannot load TypeScript in worker threads by itself. */
const hook = new URL('./typescript-hook.mjs', import.meta.url).href;

/** Options for Node itself: they reach the worker threads that tests start, too. */
const execArgv = [
  '--conditions',
  source,
  ...('typescript' in process.features && process.features.typescript ? [] : ['--import', hook]),
];

/** How every package is tested: cross-package imports come from source, no build needed. */
export function project(name: string) {
  return defineProject({
    resolve: { conditions: [source, 'module', 'node', 'development|production'] },
    ssr: { resolve: { conditions: [source, 'module', 'node', 'development|production'] } },
    test: {
      name,
      pool: 'forks',
      execArgv,
      include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
      // Some take a third of that by themselves, and the machine may be busy.
      testTimeout: 60_000,
      hookTimeout: 60_000,
      // What has to happen soon may take a while on a busy machine.
      expect: { poll: { timeout: 15_000 } },
    },
  });
}
