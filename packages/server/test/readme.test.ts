/** The example of the README runs, and real clients use it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connect } from '@nbdjs/client';
import { afterEach, expect, it } from 'vitest';

const example = fileURLToPath(new URL('readme-example.mjs', import.meta.url));
const hook = new URL('../../../tooling/vitest/typescript-hook.mjs', import.meta.url).href;

afterEach(() => rmSync(example, { force: true }));

it('a device of at most 30 lines is served', { tags: ['slow'] }, async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(code.trim().split('\n').length).toBeLessThanOrEqual(30);
  // Any free port will do here.
  writeFileSync(example, code.replace('10809', '0'));
  const child = spawn(process.execPath, ['--conditions', '@nbdjs/source', '--import', hook, example], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    await using client = await connect(line.toString().trim(), { delivery: 'inline' });
    expect(client.geometry.size).toBe(64n * 1024n * 1024n);
    await client.write(1000, Uint8Array.of(1, 2, 3), { fua: true });
    expect(await client.readBytes(999, 5)).toEqual(Uint8Array.of(0, 1, 2, 3, 0));
  } finally {
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  }
});
