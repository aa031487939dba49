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
    // The declarations come from another program.
    clean: ['!**/*.d.ts'],
    // tsup would strip `node:` from imports, and some modules exist only with it.
    removeNodeProtocol: false,
    dts: false,
    // `prepack` asks whether what is there was made of the sources that are there.
    onSuccess: async () => stamp('.', 'program'),
  };
  return defineConfig(options);
}
