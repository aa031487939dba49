/** Runs an example as its README says, and compares. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const folder = join(root, 'examples');
const hook = join(root, 'tooling/vitest/typescript-hook.mjs');
const run = promisify(execFile);

/** Those that start programs of QEMU. */
export const examplesWithQemu: readonly string[] = ['incremental-backup'];

export const examples: readonly string[] = readdirSync(folder);

/** The example prints what its README says, complains of nothing, and leaves nothing behind. */
export async function expectToRun(name: string): Promise<void> {
  const readme = readFileSync(join(folder, name, 'README.md'), 'utf8');
  const [, output] = /```text output\n([\s\S]*?\n)```/.exec(readme) ?? [];
  expect(output, 'a block of output in the README').toBeDefined();
  const temporary = mkdtempSync(join(tmpdir(), 'nbdjs-examples-'));
  try {
    const { stdout, stderr } = await run(
      process.execPath,
      ['--conditions', '@nbdjs/source', '--import', hook, join(folder, name, 'main.ts')],
      // The loader of TypeScript keeps what it has compiled in the temporary folder, too.
      { env: { ...process.env, TMPDIR: temporary, TSX_DISABLE_CACHE: '1' }, timeout: 30_000 },
    );
    expect({ stdout, stderr }).toEqual({ stdout: output, stderr: '' });
    expect(readdirSync(temporary)).toEqual([]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
