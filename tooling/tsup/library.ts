import { defineConfig, type Options } from 'tsup';

/**
 * How every package is built: ESM only, dependencies left as imports, declarations for libraries.
 * `entries` are bundles besides `index`; an application has no index and no declarations.
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
    clean: true,
    // tsup would strip `node:` from imports, and some modules exist only with it.
    removeNodeProtocol: false,
    // tsup hands an option to the compiler that TypeScript 6 calls deprecated.
    dts: kind === 'library' ? { entry: index, compilerOptions: { ignoreDeprecations: '6.0' } } : false,
  };
  return defineConfig(options);
}
