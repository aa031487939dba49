/** Every door that needs nothing of Node, bundled as for a page. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as vite } from 'vite';
import { describe, expect, it } from 'vitest';
import { bundleText } from '../src/bundle.ts';
import { doors } from '../src/doors.ts';

/** Uses all that a door exports, so that nothing is left out of the bundle. */
const all = (name: string): string => `import * as door from '${name}'; globalThis.door = door;`;

/** Names of Node in a program: what stands in strings and behind a dot does not count. */
function namesOfNode(text: string): string[] {
  const code = text
    .replace(/`(?:[^`\\]|\\.)*`|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
    .replace(/\/\*.*?\*\//gs, '');
  return [...code.matchAll(/(?<![.\w$])(Buffer|process|setImmediate|__dirname)\b(?!\s*:)/g)].map(([name]) => name);
}

/** The libraries of others that a door is made of; no other door has any. */
const libraries: Readonly<Record<string, readonly string[]>> = {
  '@nbdjs/images/codecs': ['fflate', 'fzstd', 'xz-decompress'],
};

function librariesAmong(paths: readonly string[]): readonly string[] {
  const names = paths.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined && !name.startsWith('@nbdjs/')))].sort() as string[];
}

describe('a bundle for browsers', () => {
  it.each(doors)('of %s has nothing of Node', async (name) => {
    const { text, inputs } = await bundleText(all(name));
    expect(namesOfNode(text)).toEqual([]);
    const paths = Object.keys(inputs);
    expect(paths.filter((path) => path.startsWith('node:'))).toEqual([]);
    expect(librariesAmong(paths)).toEqual(libraries[name] ?? []);
  });

  it('is refused where a door needs Node', async () => {
    await expect(bundleText(all('@nbdjs/storage/file'))).rejects.toThrow(/node:fs/);
    await expect(bundleText(all('@nbdjs/server'))).rejects.toThrow(/node:/);
  });

  it('sees names of Node', () => {
    expect(namesOfNode('const a = Buffer.from("x"); b.process; "process"; `Buffer`')).toEqual(['Buffer']);
  });

  it('of vite has all doors, and no module in place of one of Node', async () => {
    const folder = mkdtempSync(join(fileURLToPath(new URL('../', import.meta.url)), '.vite-'));
    const warnings: string[] = [];
    try {
      const imports = doors.map((name, index) => `import * as door${index} from '${name}';`);
      writeFileSync(
        join(folder, 'page.ts'),
        `${imports.join('\n')}\nglobalThis.doors = [${doors.map((_, index) => `door${index}`)}];\n`,
      );
      await vite({
        root: folder,
        configFile: false,
        logLevel: 'silent',
        customLogger: {
          info: () => {},
          warn: (text) => void warnings.push(text),
          warnOnce: (text) => void warnings.push(text),
          error: (text) => void warnings.push(text),
          clearScreen: () => {},
          hasErrorLogged: () => false,
          hasWarned: false,
        },
        resolve: { conditions: ['@nbdjs/source', 'browser', 'module'] },
        build: { lib: { entry: 'page.ts', formats: ['es'], fileName: 'page' }, outDir: 'out', minify: false },
      });
      const [file] = readdirSync(join(folder, 'out')).filter((name) => name.endsWith('.js'));
      const text = readFileSync(join(folder, 'out', file ?? ''), 'utf8');
      expect(text).not.toMatch(/__vite-browser-external|from ["']node:/);
      expect(namesOfNode(text)).toEqual([]);
      expect(warnings).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
