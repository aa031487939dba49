import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { punchHoleAside, seekDataAside, seekHoleAside, willNeed, zeroRangeAside } from './index.ts';

let folder: string;
let fd: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-syscalls-'));
  fd = openSync(join(folder, 'file'), 'w+');
});

afterEach(() => {
  vi.unstubAllEnvs();
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

describe.runIf(process.platform === 'linux')('on other threads', () => {
  it('finds data and holes beyond 4 GiB', async () => {
    const position = 5 * 2 ** 30;
    ftruncateSync(fd, position + 2 ** 20);
    writeSync(fd, Buffer.alloc(65536, 1), 0, 65536, position);
    expect((await seekDataAside(fd, 0)).position).toBe(BigInt(position));
    expect((await seekHoleAside(fd, BigInt(position))).position).toBe(BigInt(position + 65536));
    expect((await seekDataAside(fd, position + 65536)).position).toBeUndefined();
  });

  it('punches holes, zeroes ranges and reads ahead', async () => {
    writeSync(fd, Buffer.alloc(256 * 1024, 1));
    const { blocks } = fstatSync(fd);
    expect(await punchHoleAside(fd, 0, 128 * 1024)).toBeGreaterThanOrEqual(0);
    expect(fstatSync(fd).blocks).toBe(blocks / 2);
    await zeroRangeAside(fd, 128 * 1024, 64 * 1024);
    expect(await willNeed(fd, 0n, 65536)).toBe(true);
  });

  it('gives each call its own error, for any number of calls at a time', async () => {
    ftruncateSync(fd, 2 ** 20);
    const calls = Array.from({ length: 600 }, (_, index) =>
      index % 3 === 0
        ? seekDataAside(9999, 0)
        : index % 3 === 1
          ? punchHoleAside(fd, 0, 0)
          : seekHoleAside(fd, 0).then(({ position }) => position),
    );
    const outcomes = await Promise.allSettled<unknown>(calls);
    outcomes.forEach((outcome, index) => {
      if (index % 3 === 2) expect(outcome).toEqual({ status: 'fulfilled', value: 0n });
      else expect(outcome).toMatchObject({ reason: { code: index % 3 === 0 ? 'EBADF' : 'EINVAL' } });
    });
  });
});

it('report that they are not available without native calls', async () => {
  vi.stubEnv('NBDJS_NO_NATIVE', '1');
  await expect(seekDataAside(fd, 0)).rejects.toMatchObject({ code: 'ENOSYS' });
  await expect(punchHoleAside(fd, 0, 1)).rejects.toMatchObject({ code: 'ENOSYS' });
  expect(await willNeed(fd, 0, 1)).toBe(false);
});
