/** Every example runs, prints what its README says, and leaves nothing behind. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = join(root, 'examples');
const examples = readdirSync(folder);
const hook = join(root, 'tooling/vitest/typescript-hook.mjs');
const run = promisify(execFile);

let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'nbdjs-examples-'));
});
afterEach(() => rmSync(temporary, { recursive: true, force: true }));

it('there are eight of them at least', () => {
  expect(examples.length).toBeGreaterThanOrEqual(8);
});

it.each(examples)('%s', async (name) => {
  const readme = readFileSync(join(folder, name, 'README.md'), 'utf8');
  const [, output] = /```text output\n([\s\S]*?\n)```/.exec(readme) ?? [];
  expect(output, 'a block of output in the README').toBeDefined();
  const { stdout, stderr } = await run(
    process.execPath,
    ['--conditions', '@nbdjs/source', '--import', hook, join(folder, name, 'main.ts')],
    // The loader of TypeScript keeps what it has compiled in the temporary folder, too.
    { env: { ...process.env, TMPDIR: temporary, TSX_DISABLE_CACHE: '1' }, timeout: 30_000 },
  );
  expect({ stdout, stderr }).toEqual({ stdout: output, stderr: '' });
  expect(readdirSync(temporary)).toEqual([]);
});
