/** Mounts of this machine: what programs do with the file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, open, readdir, readFile, stat, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BlockDevice } from '@nbdjs/interfaces';
import { describeMounts, runCommandLine, runPeer } from '@nbdjs/peers';
import { createMemoryDevice } from '@nbdjs/storage';
import { createFaultLayer } from '@nbdjs/storage/layers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Mount, type MountOptions, mountDevice, mountDevices } from '../src/index.ts';

const mebi = 1024 * 1024;

/** What this process has mounted below a folder, as the kernel says. */
const mountsBelow = (folder: string): readonly string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder));

describeMounts('a mount', ['mkfs.ext4', 'debugfs', 'fio'], () => {
  let folder: string;
  let place: string;
  const mounts: Mount[] = [];
  const children: ChildProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nbdjs-mount-'));
    place = join(folder, 'place');
    mkdirSync(place);
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const mount of mounts.splice(0)) await mount.unmount({ graceMs: 100 });
    await expect.poll(() => mountsBelow(folder), { timeout: 4000 }).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  async function mounted(device: BlockDevice, path = place, options: MountOptions = {}): Promise<string> {
    const mount = await mountDevice(device, path, options);
    mounts.push(mount);
    return mount.paths[0] ?? '';
  }

  const run = (...command: [string, ...string[]]) => runCommandLine(command, { timeoutMs: 20_000 });

  it('is a file that is read, written and synchronised', async () => {
    const device = createMemoryDevice({ size: 4 * mebi });
    const path = await mounted(device);
    expect(path).toBe(join(place, 'nbd'));
    expect(await readdir(place)).toEqual(['nbd']);
    expect(await stat(path)).toMatchObject({ size: 4 * mebi, mode: 0o100600, uid: process.getuid?.() });
    expect(await statfs(place)).toMatchObject({ bsize: 4096, blocks: 1024, bfree: 0 });
    const bytes = randomBytes(3 * mebi);
    const handle = await open(path, 'r+');
    await handle.write(bytes, 0, bytes.length, 777);
    await handle.sync();
    await handle.close();
    const stored = new Uint8Array(bytes.length);
    await device.read(777, stored);
    expect(Buffer.compare(stored, bytes)).toBe(0);
    expect(Buffer.compare((await readFile(path)).subarray(777, 777 + bytes.length), bytes)).toBe(0);
    await expect(truncate(path, 5)).rejects.toMatchObject({ code: 'EPERM' });
    await expect(writeFile(path, 'x')).rejects.toMatchObject({ code: 'EPERM' });
    await expect(writeFile(join(place, 'other'), 'x')).rejects.toMatchObject({ code: 'EPERM' });
  });

  it('goes over a plain file, under a new name, and as several files', async () => {
    const disk = createMemoryDevice({ size: mebi });
    const file = join(folder, 'disk.img');
    await writeFile(file, 'what was there');
    expect(await mounted(disk, file)).toBe(file);
    expect((await stat(file)).size).toBe(mebi);
    await mounts.pop()?.unmount();
    expect(await readFile(file, 'utf8')).toBe('what was there');
    expect(await mounted(disk, join(place, 'x.img'))).toBe(join(place, 'x.img'));
    const several = join(folder, 'several');
    await mkdir(several);
    const part = createMemoryDevice({ size: 512 });
    const mount = await mountDevices(
      [
        { name: 'disk', device: disk },
        { name: 'p1', device: part },
      ],
      several,
    );
    mounts.push(mount);
    expect(mount.paths).toEqual([join(several, 'disk'), join(several, 'p1')]);
    expect((await stat(join(several, 'p1'))).size).toBe(512);
  });

  it('refuses places where it would hide something', async () => {
    const device = createMemoryDevice({ size: mebi });
    await writeFile(join(folder, 'file'), '');
    await expect(mountDevice(device, folder)).rejects.toThrow('is not empty, and the mount would hide what is in it');
    await expect(mountDevice(device, join(folder, 'new.img'))).rejects.toThrow(
      `there is no file new.img in ${folder} to mount over, and ${folder} is not empty`,
    );
    await expect(mountDevice(device, join(folder, 'no', 'x'))).rejects.toThrow('expected a plain file');
    await expect(mountDevice(device, '/dev/null')).rejects.toThrow('neither a plain file nor a directory');
    for (const name of ['', '.', 'a/b', 'x'.repeat(256)]) {
      await expect(mountDevices([{ name, device }], place)).rejects.toThrow('is not the name of a file');
    }
  });

  it('is read-only on request', async () => {
    const path = await mounted(createMemoryDevice({ size: mebi }), place, { readOnly: true });
    expect((await stat(path)).mode).toBe(0o100444);
    await expect(open(path, 'r+')).rejects.toMatchObject({ code: 'EROFS' });
    expect(mountsBelow(folder)[0]).toContain(' ro,');
  });

  it('gives the errors of the device to programs', async () => {
    const device = createFaultLayer(createMemoryDevice({ size: mebi }), {
      fail: ({ command }) => (command === 'write' ? 'ENOSPC' : undefined),
    });
    const handle = await open(await mounted(device), 'r+');
    await expect(handle.write(Buffer.alloc(4096), 0, 4096, 0)).rejects.toMatchObject({ code: 'ENOSPC' });
    await handle.close();
  });

  it('can be formatted, filled and read back by debugfs', async () => {
    const path = await mounted(createMemoryDevice({ size: 64 * mebi }));
    expect(await runPeer('mkfs.ext4', 'bookworm', ['-q', path])).toMatchObject({ code: 0 });
    const source = join(folder, 'source');
    const bytes = randomBytes(5 * mebi + 77);
    await writeFile(source, bytes);
    await runPeer('debugfs', 'bookworm', ['-w', '-R', `write ${source} there`, path]);
    const { stdout } = await runPeer('debugfs', 'bookworm', ['-R', 'cat there', path]);
    expect(Buffer.compare(stdout, bytes)).toBe(0);
  });

  it('keeps what fio has written, from many jobs at a time', async () => {
    const path = await mounted(createMemoryDevice({ size: 64 * mebi }));
    const { code, stderr } = await runPeer('fio', 'bookworm', [
      ...['--name=x', `--filename=${path}`, '--rw=randwrite', '--bsrange=512-256k', '--bs_unaligned', '--direct=0'],
      ...[
        '--size=8m',
        '--offset_increment=8m',
        '--numjobs=8',
        '--thread',
        '--verify=crc32c',
        '--do_verify=1',
        '--verify_state_save=0',
      ],
      ...['--fallocate=none', '--output=/dev/null'],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const direct = await runPeer('fio', 'bookworm', [
      ...['--name=x', `--filename=${path}`, '--rw=randwrite', '--bs=4k', '--direct=1', '--ioengine=libaio'],
      ...[
        '--iodepth=32',
        '--size=8m',
        '--verify=crc32c',
        '--do_verify=1',
        '--verify_state_save=0',
        '--fallocate=none',
        '--output=/dev/null',
      ],
    ]);
    expect(direct).toMatchObject({ code: 0, stderr: '' });
  });

  it('is sparse: cp finds holes, and makes them', async () => {
    const device = createMemoryDevice({ size: 64 * mebi });
    const bytes = randomBytes(mebi);
    await device.write(32 * mebi, bytes);
    const path = await mounted(device);
    const copy = join(folder, 'copy');
    expect(await run('cp', '--sparse=always', path, copy)).toMatchObject({ code: 0 });
    expect(await run('cmp', path, copy)).toMatchObject({ code: 0 });
    expect((await stat(copy)).blocks * 512).toBeLessThan(3 * mebi);
    expect(await run('fallocate', '--punch-hole', '--offset', '32M', '--length', '512k', path)).toMatchObject({
      code: 0,
    });
    expect(
      await run('fallocate', '--zero-range', '--offset', `${33 * mebi - 4096}`, '--length', '4k', path),
    ).toMatchObject({
      code: 0,
    });
    const left = new Uint8Array(mebi);
    await device.read(32 * mebi, left);
    const expected = Buffer.from(bytes)
      .fill(0, 0, mebi / 2)
      .fill(0, mebi - 4096);
    expect(Buffer.compare(left, expected)).toBe(0);
  });

  it('ends when it is unmounted by others', async () => {
    await mounted(createMemoryDevice({ size: mebi }));
    const [mount] = mounts;
    expect(await runPeer('fusermount3', 'bookworm', ['-u', place])).toMatchObject({ code: 0 });
    expect(await mount?.ended).toBeUndefined();
    expect(mountsBelow(folder)).toEqual([]);
  });

  it('leaves open files to programs for a while, with the path free at once', async () => {
    const device = createMemoryDevice({ size: mebi });
    const path = await mounted(device);
    // Another process: one that unmounts its own mount should have no file of it open.
    const holder = spawn('sh', ['-c', 'exec 5<>"$1"; echo open; read line; printf "still there" >&5', 'sh', path]);
    children.push(holder);
    await once(holder.stdout, 'data');
    const [mount] = mounts;
    const unmounting = mount?.unmount({ graceMs: 3000 });
    await expect.poll(() => mountsBelow(folder)).toEqual([]);
    holder.stdin.end('go\n');
    await unmounting;
    const bytes = new Uint8Array(11);
    await device.read(0, bytes);
    expect(Buffer.from(bytes).toString()).toBe('still there');
  });

  it('leaves no dead mount when its process is killed', async () => {
    for (let count = 0; count < 3; count++) {
      const child = spawn(
        process.execPath,
        [
          ...['--conditions', '@nbdjs/source', '--import'],
          new URL('../../../tooling/vitest/typescript-hook.mjs', import.meta.url).href,
          ...[fileURLToPath(new URL('mounting-process.ts', import.meta.url)), place],
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      children.push(child);
      await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data');
      expect(mountsBelow(folder)).toHaveLength(1);
      // A program that has the file open does not keep it.
      if (count > 0) {
        const holder = spawn('sh', ['-c', 'exec 5<"$1"; echo open; read line', 'sh', join(place, 'nbd')]);
        children.push(holder);
        await once(holder.stdout, 'data');
      }
      child.kill('SIGKILL');
      await expect.poll(() => mountsBelow(folder), { timeout: 4000 }).toEqual([]);
    }
  });
});
