import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { cachedReadBytesMax, readCached } from './index.ts';

let folder: string;
let fd: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-syscalls-'));
  fd = openSync(join(folder, 'file'), 'w+');
  writeSync(
    fd,
    Uint8Array.from({ length: 100_000 }, (_, index) => index % 251),
  );
});

afterEach(() => {
  vi.unstubAllEnvs();
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

it.runIf(process.platform === 'linux')('reads at once what was just written', () => {
  for (const [offset, length] of [
    [0, 1],
    [4095, 5000],
    [0, 100_000],
  ] as const) {
    const target = new Uint8Array(length);
    // A filesystem without this call reports that, and is read in another way.
    const isRead = readCached(fd, target, offset);
    if (isRead === undefined) continue;
    expect(isRead).toBe(true);
    expect(target).toEqual(Uint8Array.from({ length }, (_, index) => (offset + index) % 251));
  }
});

it('does not read ranges that are too long or not in the cache, nor without native calls', () => {
  expect(readCached(fd, new Uint8Array(cachedReadBytesMax + 1), 0)).toBeUndefined();
  expect(readCached(fd, new Uint8Array(10), 99_995)).not.toBe(true);
  vi.stubEnv('NBDJS_NO_NATIVE', '1');
  expect(readCached(fd, new Uint8Array(10), 0)).toBeUndefined();
});
