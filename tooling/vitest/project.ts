import { fileURLToPath } from 'node:url';
import { defineProject } from 'vitest/config';

/** Condition under which our packages resolve to their TypeScript sources. */
const source = '@nbdjs/source';

/** Node 20 cannot load TypeScript in worker threads by itself. */
const hook = new URL('./typescript-hook.mjs', import.meta.url).href;

/** As Node has them: what packages have for bundlers (`module`) need not run in Node. */
const conditions = [source, 'node', 'development|production'];

/** Options for Node itself: they reach the worker threads that tests start, too. */
const execArgv = [
  '--conditions',
  source,
  ...('typescript' in process.features && process.features.typescript ? [] : ['--import', hook]),
];

/** Gives tests with real peers more time. */
const patience = fileURLToPath(new URL('./patience.ts', import.meta.url));

/** How every package is tested: cross-package imports come from source, no build needed. */
export function project(name: string) {
  return defineProject({
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name,
      pool: 'forks',
      execArgv,
      include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
      setupFiles: [patience],
      testTimeout: 5000,
      hookTimeout: 20_000,
      tags: [
        {
          name: 'slow',
          description: 'left out by the script `test` of a package, and run by `npm test`',
          timeout: 60_000,
        },
      ],
      // What has to happen soon may take a while on a busy machine.
      expect: { poll: { timeout: 15_000 } },
    },
  });
}
