/** CACHE on files: what is asked for is in the page cache afterwards. And reads of what is not there. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { createNullDevice, createOverlayLayer, createSliceLayer, openFileDevice } from '../src/index.ts';

const mebi = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'nbdjs-cache-'));
const path = join(folder, 'file');
/** Every 4 bytes are another number, so that bytes from another place are noticed. */
const content = new Uint8Array(Uint32Array.from({ length: 4 * mebi }, (_, index) => index).buffer);
writeFileSync(path, content);
// What is not on the disk yet cannot be forgotten.
execFileSync('sync', [path]);

afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

/** Pages of the file that are in the page cache; reading them, however carefully, would bring in more. */
function inMemory(): number {
  return Number(execFileSync('fincore', ['--bytes', '--noheadings', '--output', 'PAGES', path], { encoding: 'utf8' }));
}

/** Drops the file from the page cache; returns whether that succeeded: a filesystem in memory keeps it. */
function forget(): boolean {
  try {
    execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc', 'count=0'], { stdio: 'ignore' });
    return inMemory() === 0;
  } catch {
    return false;
  }
}

const canForget = forget();
if (!canForget)
  console.warn('what is read ahead is not looked at: the page cache cannot be emptied, or not be looked into');

it.each(['0', '1'])('reads a range ahead, and not the rest (NBDJS_NO_NATIVE=%s)', async (noNative) => {
  vi.stubEnv('NBDJS_NO_NATIVE', noNative);
  const device = await openFileDevice(path, { readOnly: true });
  expect(device.abilities.cache).toBe(true);
  if (canForget) forget();
  await device.cache(4 * mebi + 1, 3 * mebi);
  if (canForget) {
    await expect.poll(inMemory).toBeGreaterThanOrEqual(768);
    expect(inMemory()).toBeLessThan(2048);
  }
  await device.cache(0, 0);
  await expect(device.cache(16 * mebi, 1)).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
  await device.close();
});

it('goes on to the file below layers', async () => {
  const file = await openFileDevice(path, { readOnly: true });
  const slice = createSliceLayer(createOverlayLayer(file, { store: createNullDevice() }), { offset: 8 * mebi });
  expect(slice.abilities.cache).toBe(true);
  if (canForget) forget();
  await slice.cache(mebi, mebi);
  if (canForget) await expect.poll(inMemory).toBeGreaterThanOrEqual(256);
  await slice.close();
});

it('can be stopped', async () => {
  const device = await openFileDevice(path, { readOnly: true });
  const stop = new AbortController();
  const caching = device.cache(0, 16 * mebi, { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(caching).rejects.toThrow('enough');
  const other = device.cache(0, 16 * mebi);
  device.destroy(new Error('gone'));
  await expect(other).rejects.toThrow('gone');
});

it.each(['0', '1'])(
  'reads right what has to come from the disk, many at once (NBDJS_NO_NATIVE=%s)',
  async (noNative) => {
    vi.stubEnv('NBDJS_NO_NATIVE', noNative);
    const device = await openFileDevice(path, { readOnly: true });
    if (canForget) forget();
    const reads = Array.from({ length: 200 }, (_, index) => ({
      offset: ((index * 7919) % 4000) * 4096 + index,
      target: new Uint8Array(index % 5 === 0 ? 100_000 : 4096),
    }));
    await Promise.all(reads.map(({ offset, target }) => device.read(offset, target)));
    for (const { offset, target } of reads) {
      expect(Buffer.compare(target, content.subarray(offset, offset + target.length))).toBe(0);
    }
    const last = device.read(9 * mebi, new Uint8Array(4096));
    await Promise.all([last, device.close()]);
  },
);
