import { spawnSync } from 'node:child_process';
import { defineConfig, type Options } from 'tsup';
import { stamp } from '../scripts/sources.mjs';

/** What all builds have in common. */
export const common = {
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  // tsup would strip `node:` from imports, and some modules exist only with it.
  removeNodeProtocol: false,
  // The declarations come from another build.
  dts: false,
} as const satisfies Options;

/**
 * How every package is built: ESM only, dependencies left as imports, declarations left to `tsc -b`.
 * `entries` are bundles besides `index`; an application has no index.
 */
export function library(entries: Readonly<Record<string, string>> = {}, kind: 'library' | 'application' = 'library') {
  const index = kind === 'library' ? { index: 'src/index.ts' } : {};
  const options: Options = {
    entry: { ...index, ...entries },
    ...common,
    format: 'esm',
    splitting: true,
    // The declarations come from another build, and so do files that stand alone.
    clean: ['!**/*.d.ts', '!**/*.mjs', '!**/*.mjs.map'],
    onSuccess: async () => {
      // `prepack` asks whether what is there was made of the sources that are there.
      stamp('.', 'program');
      // Turbo has a task of its own for declarations. A build without turbo includes them.
      if (kind === 'library' && process.env.TURBO_HASH === undefined) declare();
    },
  };
  return defineConfig(options);
}

/** Writes the declarations of the package in this folder, and before them those of the packages that it depends on. */
function declare(): void {
  const { status } = spawnSync('turbo', ['run', 'types', '--output-logs=errors-only'], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

/**
 * A file that needs no other, even if its parts come from several packages (they are taken from source, so nothing has to be built
 * before). It is called `.mjs`, so that it is a module in folders without a package.json, too.
 */
export function program(entries: Readonly<Record<string, string>>) {
  const options: Options = {
    entry: { ...entries },
    ...common,
    format: 'esm',
    splitting: false,
    noExternal: [/^@nbdjs\//],
    outExtension: () => ({ js: '.mjs' }),
    esbuildOptions: (esbuild) => {
      esbuild.conditions = ['@nbdjs/source'];
    },
  };
  return defineConfig(options);
}
