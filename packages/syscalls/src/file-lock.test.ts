/** Locks on files: between processes, and gone with them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lockFile } from './index.ts';

let folder: string;
let file: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-lock-'));
  file = join(folder, 'lock');
});

afterEach(() => {
  vi.unstubAllEnvs();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Another process that has the lock. */
async function startHolder(environment: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const program = `
    const { lockFile } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    const lock = await lockFile(${JSON.stringify(file)});
    console.log(lock === undefined ? 'taken' : 'locked');
    setInterval(() => {}, 1000);
  `;
  const words = [...process.execArgv, '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, words, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [told] = (await once(child.stdout, 'data')) as [Buffer];
  expect(String(told).trim()).toBe('locked');
  return child;
}

/** The lock may be released a moment after the process has ended. */
async function lockSoon() {
  for (let attempt = 0; attempt < 200; attempt++) {
    const lock = await lockFile(file);
    if (lock !== undefined) return lock;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the lock was not released');
}

describe.each([
  ['by native calls', {}],
  ['by the program flock', { NBDJS_NO_NATIVE: '1' }],
])('%s', (_, environment: Record<string, string>) => {
  beforeEach(() => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  });

  it('locks a file once, also within one process', async () => {
    const lock = await lockFile(file);
    expect(lock).toBeDefined();
    expect(await lockFile(file)).toBeUndefined();
    lock?.release();
    lock?.release();
    (await lockSoon()).release();
  });

  it('is released by the end of a process that is killed', async () => {
    const holder = await startHolder(environment);
    expect(await lockFile(file)).toBeUndefined();
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    (await lockSoon()).release();
  });

  it('says what cannot be opened', async () => {
    await expect(lockFile(join(folder, 'missing', 'lock'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

it('says that there is no way to lock, where there is none', async () => {
  vi.stubEnv('NBDJS_NO_NATIVE', '1');
  vi.stubEnv('PATH', folder);
  await expect(lockFile(file)).rejects.toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
});

it('keeps locks of the two ways apart from each other', async () => {
  const lock = await lockFile(file);
  vi.stubEnv('NBDJS_NO_NATIVE', '1');
  expect(await lockFile(file)).toBeUndefined();
  lock?.release();
});
