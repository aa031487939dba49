/** `pack:check` looks into the tarball: what must not be published is named. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root } from './support/readmes.ts';

const manifest = {
  name: 'looked-into',
  version: '1.0.0',
  description: 'A package',
  keywords: ['one'],
  homepage: 'https://example.com',
  bugs: 'https://example.com/bugs',
  repository: 'https://example.com/repository',
  license: 'MIT',
  author: 'someone',
  type: 'module',
  sideEffects: false,
  files: ['dist'],
  engines: { node: '>=20' },
  exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  dependencies: { needed: '^1.0.0' },
};

/** What has no ceiling is complained about in every case. */
const unlimited = [/has nothing for "tarball"/, /has nothing for "\."/];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-packed-'));
  write('node_modules/needed/package.json', '{"name":"needed","main":"index.js"}');
  write('node_modules/needed/index.js', 'export const needed = 1;\n');
  write('package.json', JSON.stringify(manifest));
  write('README.md', '# looked-into\n');
  write('LICENSE', 'MIT\n');
  writeProgram(`export { needed } from 'needed';\n`);
  write('dist/index.d.ts', 'export declare const needed: number;\n');
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('the look into the tarball', () => {
  it('finds nothing but missing ceilings in what is right', () => {
    expect(check()).toEqual(unlimited.map((one) => expect.stringMatching(one)));
  });

  it('finds an import that is not declared, and a dependency that no file imports', () => {
    writeProgram(`import { other } from '@some/other/deep';\nexport const load = () => other ?? import('node:fs');\n`);
    write('node_modules/@some/other/package.json', '{"name":"@some/other"}');
    write('node_modules/@some/other/deep/index.js', 'export const other = 1;\n');
    expect(check()).toEqual(
      expect.arrayContaining([
        'dist/index.js imports @some/other, which is not among its dependencies',
        'needed is a dependency, and no file imports it',
      ]),
    );
  });

  it('finds what only the workspace understands', () => {
    const exports = { '.': { '@nbdjs/source': './src/index.ts', ...manifest.exports['.'] } };
    write('package.json', JSON.stringify({ ...manifest, exports, dependencies: { needed: 'workspace:^' } }));
    expect(check()).toEqual(
      expect.arrayContaining([
        'its exports name sources, which are not packed',
        'its exports name ./src/index.ts, which is not packed',
        'needed is "workspace:^", which only this workspace understands',
      ]),
    );
  });

  it('finds files that are too many, and files and words that are missing', () => {
    write('dist/index.test.js', '');
    write('dist/index.test.js.map', JSON.stringify({ sources: [], sourcesContent: [] }));
    rmSync(join(folder, 'dist/index.js.map'));
    rmSync(join(folder, 'LICENSE'));
    write('package.json', JSON.stringify({ ...manifest, repository: undefined }));
    write('CHANGELOG.md', '');
    expect(check(['CHANGELOG.md'])).toEqual(
      expect.arrayContaining([
        'dist/index.test.js is packed, and should not be',
        'dist/index.js has no source map',
        'LICENSE is not packed',
        'CHANGELOG.md is not packed',
        'package.json has no "repository"',
      ]),
    );
  });

  it('finds source maps without sources', () => {
    write('dist/index.js.map', JSON.stringify({ sources: ['../src/index.ts'] }));
    expect(check()).toContain('dist/index.js.map does not carry its sources');
  });
});

function write(file: string, text: string): void {
  mkdirSync(join(folder, file, '..'), { recursive: true });
  writeFileSync(join(folder, file), text);
}

function writeProgram(text: string): void {
  write('dist/index.js', text);
  write('dist/index.js.map', JSON.stringify({ sources: ['../src/index.ts'], sourcesContent: [text] }));
}

/** Packs all but some files, and returns what is found, without the name of the package. */
function check(left: readonly string[] = []): string[] {
  mkdirSync(join(folder, '.turbo/tree'), { recursive: true });
  const names = ['dist', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'];
  for (const name of names.filter((one) => existsSync(join(folder, one)) && !left.includes(one))) {
    cpSync(join(folder, name), join(folder, '.turbo/tree', name), { recursive: true });
  }
  execFileSync('tar', ['-czf', join(folder, '.turbo/package.tgz'), '-C', join(folder, '.turbo'), 'tree']);
  const script = join(root, 'tooling/scripts/packed.mjs');
  const { stdout, stderr, status } = spawnSync(process.execPath, [script], { cwd: folder, encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: '', status: 1 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.replace('looked-into: ', ''));
}
