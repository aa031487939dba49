/** Bundles for browsers, as a user's bundler makes them. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';

/** Modules of the workspace are found from here. */
const folder = fileURLToPath(new URL('../', import.meta.url));

export interface Bundle {
  readonly text: string;
  /** Minified and compressed by gzip, in bytes: what a page has to load. */
  readonly gzipBytes: number;
  /** What the bundle consists of. */
  readonly inputs: Metafile['inputs'];
}

/**
 * Bundles TypeScript, given as text, from the sources of the packages.
 *
 * @throws for what a browser does not have: esbuild finds no `node:` modules for browsers.
 */
export async function bundleText(text: string, minify = false): Promise<Bundle> {
  return await bundle({ stdin: { contents: text, resolveDir: folder, loader: 'ts' } }, minify);
}

/** Bundles a file of `pages`. */
export async function bundlePage(name: string): Promise<Bundle> {
  return await bundle({ entryPoints: [`${folder}pages/${name}`] }, false);
}

async function bundle(input: Parameters<typeof build>[0], minify: boolean): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...input,
    bundle: true,
    write: false,
    metafile: true,
    minify,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    conditions: ['@nbdjs/source'],
    logLevel: 'silent',
    absWorkingDir: folder,
  });
  const code = outputFiles?.[0]?.text ?? '';
  return { text: code, gzipBytes: gzipSync(code).length, inputs: metafile?.inputs ?? {} };
}
