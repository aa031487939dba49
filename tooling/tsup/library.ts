import { defineConfig, type Options } from 'tsup';
import { stamp } from '../scripts/sources.mjs';

/**
 * How every package is built: ESM only, dependencies left as imports, declarations left to `tsc -b`.
 * `entries` are bundles besides `index`; an application has no index.
 */
export function library(entries: Readonly<Record<string, string>> = {}, kind: 'library' | 'application' = 'library') {
  const index = kind === 'library' ? { index: 'src/index.ts' } : {};
  const options: Options = {
    entry: { ...index, ...entries },
    format: 'esm',
    target: 'node20',
    platform: 'node',
    sourcemap: true,
    splitting: true,
    // The declarations come from another build, and so do files that stand alone.
    clean: ['!**/*.d.ts', '!**/*.mjs', '!**/*.mjs.map'],
    // tsup would strip `node:` from imports, and some modules exist only with it.
    removeNodeProtocol: false,
    dts: false,
    // `prepack` asks whether what is there was made of the sources that are there.
    onSuccess: async () => stamp('.', 'program'),
  };
  return defineConfig(options);
}

/**
 * A file that needs no other, whatever package its parts come from (they are taken from source, so nothing has to be built
 * before). It is called `.mjs`, so that it is a module in folders without a package.json, too.
 */
export function program(entries: Readonly<Record<string, string>>) {
  const options: Options = {
    entry: { ...entries },
    format: 'esm',
    target: 'node20',
    platform: 'node',
    sourcemap: true,
    splitting: false,
    removeNodeProtocol: false,
    dts: false,
    noExternal: [/^@nbdjs\//],
    outExtension: () => ({ js: '.mjs' }),
    esbuildOptions: (esbuild) => {
      esbuild.conditions = ['@nbdjs/source'];
    },
  };
  return defineConfig(options);
}
