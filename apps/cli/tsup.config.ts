import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { build, type Options } from 'tsup';
import { stamp } from '../../tooling/scripts/sources.mjs';
import { common, library } from '../../tooling/tsup/library.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/** Only types come from the former; to load it at run time would make every start a little slower. */
const alias = { '@commander-js/extra-typings': 'commander' };

const oneFile = { ...common, config: false, splitting: false } as const satisfies Options;

/** What is started; the program is beside it. A module of CommonJS: Node's other loader takes five milliseconds longer to run one file. */
const launcher: Options = {
  ...oneFile,
  entry: { main: 'src/main.ts' },
  format: 'cjs',
  outExtension: () => ({ js: '.cjs' }),
  esbuildOptions: (esbuild) => {
    esbuild.define = { ...esbuild.define, 'import.meta.dirname': '__dirname', 'import.meta.url': 'moduleUrl' };
    const moduleUrl = "process.getBuiltinModule('node:url').pathToFileURL(__filename).href";
    esbuild.banner = { js: `'use strict';\nconst moduleUrl = ${moduleUrl};` };
  },
  esbuildPlugins: [
    {
      name: 'modules-apart',
      setup: ({ onResolve }) => {
        onResolve({ filter: /^\.\/modules\.ts$/ }, () => ({ path: './modules.js', external: true }));
      },
    },
  ],
};

const scriptNames = ['info', 'copy', 'dump', 'serve', 'help'];

/** Imports the modules for images. */
const imagesLoader = 'load-images.cjs';

/** Of what the scripts include that is not ours; `ws` is a part of the one that serves. */
const licences = [
  ['commander', 'node_modules/commander/LICENSE'],
  ['ws (in serve.cjs)', '../../packages/websocket/node_modules/ws/LICENSE'],
]
  .map(([name, file = '']) => `This file includes ${name}.\n\n${readFileSync(file, 'utf8').trim()}`)
  .join('\n\n');

/** The sources of other packages that the scripts include. */
const included = new Set<string>();

/** Each script is a function, with all packages that it needs, and the licences of those that are not ours. */
const scripts: Options = {
  ...oneFile,
  entry: Object.fromEntries(scriptNames.map((name) => [name, `src/quick/${name}.ts`])),
  format: 'cjs',
  // Their stacks can be read without maps, which would be twice as long as they are.
  sourcemap: false,
  noExternal: [/^@nbdjs\//, 'commander', '@commander-js/extra-typings'],
  outExtension: () => ({ js: '.cjs' }),
  esbuildPlugins: [
    {
      // The help declares all commands, and runs none.
      name: 'runs-apart',
      setup: ({ onResolve }) => {
        onResolve({ filter: /^\.\/commands\// }, ({ kind, path }) =>
          kind === 'dynamic-import' ? { path, external: true } : undefined,
        );
      },
    },
    {
      // Command lines with URLs of WebSocket and HTTP, --web, or disks in stores of objects are not started by a script.
      name: 'apart',
      setup: ({ onResolve }) => {
        onResolve({ filter: /\/web-target\.ts$|^\.\/web\.ts$|^\.\/apart\.ts$/ }, () => ({
          path: './web-apart.js',
          external: true,
        }));
      },
    },
    {
      // Few files are images. Their code is in modules, which a script cannot import, and a module of CommonJS can.
      name: 'images-apart',
      setup: ({ onLoad, onResolve }) => {
        onLoad({ filter: /\/images\/load(-for-info)?\.ts$/ }, () => ({
          contents: `export const loadImages = () => require('./${imagesLoader}')(); export const loadFiles = loadImages;`,
        }));
        onResolve({ filter: /load-images\.cjs$/ }, ({ path }) => ({ path, external: true }));
      },
    },
    {
      name: 'note-included',
      setup: ({ initialOptions, onEnd }) => {
        initialOptions.metafile = true;
        onEnd(({ metafile }) => {
          for (const file of Object.keys(metafile?.inputs ?? {}))
            if (/^(\.\.\/)+packages\//.test(file)) included.add(file);
        });
      },
    },
  ],
  esbuildOptions: (esbuild) => {
    esbuild.alias = alias;
    esbuild.conditions = ['@nbdjs/source'];
    esbuild.define = { ...esbuild.define, 'import.meta.url': 'moduleUrl', versionBuilt: JSON.stringify(version) };
    // A script cannot import; Node's own modules can be required as well.
    esbuild.supported = { ...esbuild.supported, 'dynamic-import': false };
    esbuild.banner = { js: `/*\n${licences}\n*/\n(function (require, moduleUrl) {` };
    esbuild.footer = { js: '})' };
  },
};

/** The digest of a script is its last line, so that a cache of compiled code need not compute it. The launcher takes the text for ASCII. */
function appendDigest(file: string): void {
  const text = readFileSync(file, 'utf8');
  if (/[^\0-\x7f]/.test(text)) throw new Error(`${file} has other characters than the launcher expects`);
  writeFileSync(file, `${text.trimEnd()}\n// ${createHash('sha256').update(text).digest('hex')}`);
}

/** A dynamic import of our own file has esbuild wrap each module of a script in a function: the script becomes a tenth longer, and starts later. */
function requireFlat(file: string): void {
  if (!readFileSync(file, 'utf8').includes('__esm(')) return;
  throw new Error(`${file} has a dynamic import of a file that it includes; import that file at its head`);
}

/** For man(1), where npm installs them: package.json names each. From source, since the packages that a build needs may not be built yet. */
function writeManualPages(): void {
  const fromSource = ['--conditions=@nbdjs/source', '--import', '../../tooling/vitest/typescript-hook.mjs'];
  const words = ['manual', '--format', 'man', '--directory', 'dist/man'];
  execFileSync(process.execPath, [...fromSource, 'src/main.ts', ...words]);
}

export default {
  ...library(
    {
      modules: 'src/modules.ts',
      images: 'src/images/apart-from-scripts.ts',
      'compress-thread': 'src/images/compress-thread.ts',
      'copy-thread': 'src/commands/copy/copy-thread.ts',
      'serve-thread': 'src/commands/serve/serve-thread.ts',
    },
    'application',
  ),
  esbuildOptions: (esbuild: { alias?: Record<string, string>; external?: string[] }) => {
    esbuild.alias = alias;
    esbuild.external = [...(esbuild.external ?? []), 'commander'];
  },
  // One after the other: the first build empties the folder, and the stamp names all files.
  onSuccess: async () => {
    await build(launcher);
    await build(scripts);
    writeFileSync(`dist/${imagesLoader}`, "module.exports = () => import('./images.js');\n");
    for (const name of scriptNames) {
      requireFlat(`dist/${name}.cjs`);
      appendDigest(`dist/${name}.cjs`);
    }
    writeManualPages();
    stamp('.', 'program', [...included].sort());
  },
};
