/** Bundles for browsers, as a user's bundler makes them. */
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

/** Modules of the workspace are found from here. */
const folder = fileURLToPath(new URL('../', import.meta.url));

export interface Bundle {
  readonly text: string;
  /** What the bundle consists of. */
  readonly inputs: Metafile['inputs'];
}

/**
 * Bundles TypeScript, given as text, from the sources of the packages.
 *
 * @throws for what a browser does not have: esbuild finds no `node:` modules for browsers.
 */
export async function bundleText(text: string): Promise<Bundle> {
  return await bundle({ stdin: { contents: text, resolveDir: folder, loader: 'ts' } });
}

/** Bundles a file of `pages`. */
export async function bundlePage(name: string): Promise<Bundle> {
  return await bundle({ entryPoints: [`${folder}pages/${name}`] });
}

async function bundle(input: Parameters<typeof build>[0]): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...input,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    conditions: ['@nbdjs/source'],
    logLevel: 'silent',
    absWorkingDir: folder,
  });
  const code = outputFiles?.[0]?.text ?? '';
  return { text: code, inputs: metafile?.inputs ?? {} };
}
