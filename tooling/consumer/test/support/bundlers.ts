/** The usual bundlers, each as its users call it. */
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { build as buildByVite } from 'vite';
import webpack from 'webpack';

/** Bundles a program for Node into a folder, as `app.mjs` or `app.cjs`. */
export type Bundler = (app: string, folder: string) => Promise<void>;

/** Bundles a file by esbuild under a name. */
export async function bundleByEsbuild(entry: string, outfile: string, format: 'esm' | 'cjs' = 'esm'): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    format,
    bundle: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
  });
}

/** By what they are called. */
export const bundlers: Readonly<Record<string, Bundler>> = {
  'esbuild, ESM': (app, folder) => bundleByEsbuild(app, join(folder, 'app.mjs')),
  'esbuild, CommonJS': (app, folder) => bundleByEsbuild(app, join(folder, 'app.cjs'), 'cjs'),
  async vite(app, folder) {
    await buildByVite({
      root: join(app, '..'),
      configFile: false,
      logLevel: 'silent',
      ssr: { noExternal: true },
      build: {
        ssr: app,
        outDir: folder,
        emptyOutDir: false,
        rolldownOptions: { output: { entryFileNames: 'app.mjs' } },
      },
    });
  },
  async webpack(app, folder) {
    const compiler = webpack({
      mode: 'production',
      optimization: { minimize: false },
      target: 'node20',
      context: join(app, '..'),
      entry: app,
      output: { path: folder, filename: 'app.cjs' },
    });
    const stats = await promisify(compiler.run.bind(compiler))();
    await promisify(compiler.close.bind(compiler))();
    const said = stats?.toString({ all: false, errors: true, warnings: true });
    if (said !== '') throw new Error(`webpack: ${said}`);
  },
};
