import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

describe('the entry for all runtimes', () => {
  it('is built for browsers without anything of Node', async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [fileURLToPath(new URL('../src/index.ts', import.meta.url))],
      bundle: true,
      platform: 'browser',
      format: 'esm',
      minify: true,
      metafile: true,
      write: false,
      conditions: ['@nbdjs/source'],
    });
    const inputs = Object.keys(metafile.inputs);
    expect(
      inputs.filter((input) =>
        /(^|\/)(ws|transport|syscalls|packages\/node\/src\/(?!web|traced-events)[^/]*)(\/|$)|^node:/.test(input),
      ),
    ).toEqual([]);
    const [{ text = '' } = {}] = outputFiles;
    expect(text).not.toMatch(/\bBuffer\b|\bprocess\b|node:/);
    // A bound that is noticed, not an aim.
    expect(text.length).toBeLessThan(40_000);
  });
});
