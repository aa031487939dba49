import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  blockDeviceSize,
  capabilities,
  duplicateDescriptor,
  peerUser,
  punchHole,
  seekData,
  seekHole,
  zeroRange,
} from './index.ts';

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

describe.runIf(process.platform === 'linux')('with native calls', () => {
  it('are there', () => {
    expect(capabilities()).toEqual({
      duplicateDescriptor: true,
      seekData: true,
      allocate: true,
      blockDevices: true,
      peerUsers: true,
      kernelDevices: true,
      messageDevices: true,
    });
  });

  it('duplicates a descriptor that stays open when the original is closed', () => {
    writeSync(fd, 'content');
    const original = openSync(join(folder, 'file'), 'r');
    const duplicate = duplicateDescriptor(original) ?? -1;
    closeSync(original);
    const bytes = Buffer.alloc(7);
    readSync(duplicate, bytes, 0, 7, 0);
    closeSync(duplicate);
    expect(bytes.toString()).toBe('content');
  });

  it('names the error of a descriptor that is not open', () => {
    expect(() => duplicateDescriptor(9999)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'fcntl' }));
  });

  it('finds data and holes beyond 4 GiB', () => {
    const position = 5 * 2 ** 30;
    ftruncateSync(fd, position + 2 ** 20);
    writeSync(fd, Buffer.alloc(65536, 1), 0, 65536, position);
    expect(seekData(fd, 0)).toBe(BigInt(position));
    expect(seekHole(fd, BigInt(position))).toBe(BigInt(position + 65536));
    expect(seekData(fd, position + 65536)).toBeUndefined();
  });

  it('punches holes and zeroes ranges', () => {
    writeSync(fd, Buffer.alloc(256 * 1024, 1));
    const { blocks } = fstatSync(fd);
    punchHole(fd, 0, 128 * 1024);
    expect(fstatSync(fd).blocks).toBe(blocks / 2);
    zeroRange(fd, 128 * 1024, 64 * 1024);
    const bytes = Buffer.alloc(256 * 1024);
    readSync(fd, bytes, 0, bytes.length, 0);
    expect(bytes.subarray(0, 192 * 1024).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(192 * 1024).every((byte) => byte === 1)).toBe(true);
  });

  it('returns no user for a plain file', () => {
    expect(peerUser(fd)).toBeUndefined();
  });

  it('rejects a plain file where a block device is expected', () => {
    expect(() => blockDeviceSize(fd)).toThrow(expect.objectContaining({ code: 'ENOTTY' }));
  });
});

describe('what is installed', () => {
  const { dependencies, optionalDependencies, scripts } = createRequire(import.meta.url)('../package.json');

  it('has native calls for the usual processors, and runs without them', () => {
    const names = ['x64', 'arm64'].map((processor) => `@koromix/koffi-linux-${processor}`);
    expect(Object.keys(optionalDependencies)).toEqual(expect.arrayContaining(names));
    expect(Object.keys(dependencies)).toEqual(['@nbdjs/interfaces']);
  });

  it('has no install script, which package managers would block', () => {
    const processor = `@koromix/koffi-linux-${process.arch}`;
    const names = ['preinstall', 'install', 'postinstall', 'prepare'];
    for (const name of names) expect(scripts).not.toHaveProperty(name);
    expect(optionalDependencies).not.toHaveProperty('koffi');
    if (process.platform !== 'linux' || !(processor in optionalDependencies)) return;
    const installed = createRequire(import.meta.url)(`${processor}/package.json`);
    for (const name of names) expect(installed.scripts ?? {}).not.toHaveProperty(name);
  });
});

describe('without native calls', () => {
  beforeEach(() => vi.stubEnv('NBDJS_NO_NATIVE', '1'));

  it('reports that they are not available', () => {
    expect(capabilities()).toEqual({
      duplicateDescriptor: false,
      seekData: false,
      allocate: false,
      blockDevices: false,
      peerUsers: false,
      kernelDevices: false,
      messageDevices: false,
    });
    expect(duplicateDescriptor(fd)).toBeUndefined();
    expect(blockDeviceSize(fd)).toBeUndefined();
    expect(peerUser(fd)).toBeUndefined();
    expect(() => seekData(fd, 0)).toThrow(expect.objectContaining({ code: 'ENOSYS' }));
    expect(() => punchHole(fd, 0, 1)).toThrow(expect.objectContaining({ code: 'ENOSYS' }));
  });
});
