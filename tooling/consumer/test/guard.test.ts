/** `prepack`: what must not be published is not even packed. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stamp } from '../../scripts/sources.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-guard-'));
  mkdirSync(join(folder, 'src'));
  mkdirSync(join(folder, 'dist'));
  write('package.json', JSON.stringify({ name: 'guarded', exports, dependencies: { other: 'workspace:^' } }));
  write('src/index.ts', 'export const one = 1;\n');
  build();
});

afterEach(() => rmSync(folder, { recursive: true }));

const exports = {
  '.': { '@nbdjs/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
};

describe('the guard before packing', () => {
  it('lets pass what is built', () => {
    expect(pack()).toEqual({ status: 0, stderr: '' });
  });

  it('refuses what was never built', () => {
    rmSync(join(folder, 'dist'), { recursive: true });
    expect(pack().stderr).toBe('guarded cannot be packed: ./dist/index.d.ts is missing (run pnpm build)\n');
  });

  it('refuses what has programs but no declarations, as after npm start', () => {
    rmSync(join(folder, 'dist/index.d.ts'));
    expect(pack()).toMatchObject({ status: 1, stderr: expect.stringContaining('./dist/index.d.ts is missing') });
  });

  it('refuses programs and declarations that are older than the sources', () => {
    write('src/index.ts', 'export const two = 2;\n');
    expect(pack().stderr).toContain('its programs are older than its sources');
    stamp(folder, 'program');
    expect(pack().stderr).toContain('dist/index.js is older than src/index.ts');
    build();
    write('src/index.ts', 'export const three = 3;\n');
    stamp(folder, 'program');
    write('dist/index.js.map', mapOf('export const three = 3;\n'));
    expect(pack().stderr).toContain('its declarations are older than its sources');
  });

  it('refuses a script that includes an older source of another package', () => {
    write('dist/script.cjs', '');
    expect(pack().stderr).toContain('dist/script.cjs has no source map');
    write('other.ts', 'export const other = 1;\n');
    stamp(folder, 'program', ['other.ts']);
    expect(pack()).toEqual({ status: 0, stderr: '' });
    write('other.ts', 'export const other = 2;\n');
    expect(pack().stderr).toContain('its programs are older than its sources');
  });

  it('refuses a source without declarations', () => {
    write('src/types.ts', 'export type One = 1;\n');
    stamp(folder, 'program');
    stamp(folder, 'declarations');
    expect(pack().stderr).toContain('the declarations of src/types.ts are missing');
  });

  it('refuses npm, which would leave workspace: in the dependencies', () => {
    expect(pack('npm/11.0.0 node/v20.19.0 linux x64')).toEqual({
      status: 1,
      stderr: expect.stringMatching(/npm would leave "workspace:" in its dependencies \(use pnpm pack/),
    });
  });

  it('stands before every package that is published', () => {
    const folders = [...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`), 'apps/cli'];
    for (const name of folders) {
      const { scripts } = JSON.parse(readFileSync(join(root, name, 'package.json'), 'utf8'));
      expect(scripts.prepack, name).toBe('node ../../tooling/scripts/assert-built.mjs');
    }
  });
});

function write(file: string, text: string): void {
  writeFileSync(join(folder, file), text);
}

function build(): void {
  const source = readFileSync(join(folder, 'src/index.ts'), 'utf8');
  write('dist/index.js', source);
  write('dist/index.js.map', mapOf(source));
  write('dist/index.d.ts', source);
  stamp(folder, 'program');
  stamp(folder, 'declarations');
}

function mapOf(source: string): string {
  return JSON.stringify({ version: 3, sources: ['../src/index.ts'], sourcesContent: [source], mappings: '' });
}

/** Runs the guard as a package manager does. */
function pack(agent = 'pnpm/12.21.0 node/v20.19.0 linux x64') {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'tooling/scripts/assert-built.mjs')], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, npm_config_user_agent: agent },
  });
  return { status, stderr };
}
