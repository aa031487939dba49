/** Devices over files of a browser, with handles that behave as those of a worker. A browser's own are tested elsewhere. */
import { CommandError } from '@nbdjs/interfaces';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type FileHandle, openOpfsDevice, type SyncAccessHandle } from '../src/opfs/index.ts';

/** A file in memory: at most `roomBytes` long, and open at most once. */
class TestFile implements FileHandle {
  readonly name: string;
  readonly roomBytes: number;
  bytes = new Uint8Array(0);
  openCount = 0;
  flushCount = 0;
  mode: string | undefined;

  constructor(name = 'disk.img', roomBytes = 2 ** 26) {
    this.name = name;
    this.roomBytes = roomBytes;
  }

  async getFile(): Promise<Blob> {
    return new Blob([this.bytes.slice()]);
  }

  async createSyncAccessHandle({ mode }: { mode?: string } = {}): Promise<SyncAccessHandle> {
    if (this.openCount > 0) throw new DOMException('there is another handle', 'NoModificationAllowedError');
    this.openCount++;
    this.mode = mode;
    return {
      read: (target, { at }) => {
        const piece = this.bytes.subarray(at, at + target.length);
        target.set(piece);
        return piece.length;
      },
      write: (source, { at }) => {
        if (at + source.length > this.bytes.length) this.#resize(at + source.length);
        this.bytes.set(source, at);
        return source.length;
      },
      truncate: (size) => this.#resize(size),
      getSize: () => this.bytes.length,
      flush: () => void this.flushCount++,
      close: () => void this.openCount--,
    };
  }

  #resize(size: number): void {
    if (size > this.roomBytes) throw new DOMException('no room', 'QuotaExceededError');
    const next = new Uint8Array(size);
    next.set(this.bytes.subarray(0, size));
    this.bytes = next;
  }
}

class TestFolder {
  readonly files = new Map<string, TestFile>();
  readonly folders = new Map<string, TestFolder>();

  async getFileHandle(name: string, { create }: { create: boolean }): Promise<TestFile> {
    return find(this.files, name, create, () => new TestFile(name));
  }

  async getDirectoryHandle(name: string, { create }: { create: boolean }): Promise<TestFolder> {
    return find(this.folders, name, create, () => new TestFolder());
  }
}

function find<Item>(items: Map<string, Item>, name: string, create: boolean, make: () => Item): Item {
  const found = items.get(name);
  if (found !== undefined) return found;
  if (!create) throw new DOMException('it could not be found', 'NotFoundError');
  const made = make();
  items.set(name, made);
  return made;
}

/** As a page sees the file. */
function inPage(file: TestFile): FileHandle {
  return { name: file.name, getFile: () => file.getFile() };
}

afterEach(() => void vi.unstubAllGlobals());

blockDeviceConformance('file of a browser, in a worker', {
  extras: [],
  make: (size) => openOpfsDevice(new TestFile(), { size }),
});

describe('a file of a browser', () => {
  it('is locked until the device is closed', async () => {
    const file = new TestFile();
    const device = await openOpfsDevice(file, { size: 1000 });
    await expect(openOpfsDevice(file)).rejects.toMatchObject({ name: 'CommandError', code: 'EPERM' });
    await device.close();
    await device.close();
    expect(file.openCount).toBe(0);
  });

  it('is flushed by flush, and behind a write with fua', async () => {
    const file = new TestFile();
    const device = await openOpfsDevice(file, { size: 1000 });
    await device.write(0, Uint8Array.of(1));
    expect(file.flushCount).toBe(0);
    await device.write(0, Uint8Array.of(1), { fua: true });
    await device.flush();
    expect(file.flushCount).toBe(2);
    await device.close();
  });

  it('keeps its length without size, gets longer with it, and shorter only with truncate', async () => {
    const file = new TestFile();
    await (await openOpfsDevice(file, { size: 1000 })).close();
    const same = await openOpfsDevice(file);
    expect(same.geometry.size).toBe(1000n);
    await same.close();
    await (await openOpfsDevice(file, { size: 2000n })).close();
    await expect(openOpfsDevice(file, { size: 500 })).rejects.toThrow(
      "disk.img has 2000 bytes, expected 500 at most: what is longer is cut off only with 'truncate'",
    );
    expect(file.openCount).toBe(0);
    await (await openOpfsDevice(file, { size: 500, truncate: true })).close();
    expect(file.bytes).toHaveLength(500);
  });

  it('reports a lack of room as ENOSPC, and leaves nothing open', async () => {
    const file = new TestFile('disk.img', 1000);
    await expect(openOpfsDevice(file, { size: 1001 })).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(file.openCount).toBe(0);
  });

  it('fails a read of a file that has become shorter', async () => {
    const file = new TestFile();
    const device = await openOpfsDevice(file, { size: 1000 });
    file.bytes = file.bytes.slice(0, 10);
    await expect(device.read(5, new Uint8Array(10))).rejects.toEqual(
      new CommandError('EIO', 'read of disk.img at 10 ended: the file is shorter than it was'),
    );
    await device.close();
  });

  it('lets others have their turn while it zeroes a long range, which can be abandoned', async () => {
    const file = new TestFile();
    const device = await openOpfsDevice(file, { size: 40 * 2 ** 20 });
    await device.write(39 * 2 ** 20, Uint8Array.of(7));
    const abort = new AbortController();
    const zeroing = device.writeZeroes(0, 40 * 2 ** 20, { signal: abort.signal });
    const reason = new Error('enough');
    setTimeout(() => abort.abort(reason));
    await expect(zeroing).rejects.toBe(reason);
    expect(file.bytes[39 * 2 ** 20]).toBe(7);
    await expect(device.writeZeroes(0, 512, { fastZero: true })).rejects.toMatchObject({ code: 'ENOTSUP' });
    const last = device.writeZeroes(0, 40 * 2 ** 20);
    await device.close();
    await last;
    expect(file.bytes[39 * 2 ** 20]).toBe(0);
  });

  it('can be opened for reading in a worker', async () => {
    const file = new TestFile();
    file.bytes = Uint8Array.of(1, 2, 3);
    const device = await openOpfsDevice(file, { readOnly: true });
    expect(file.mode).toBe('read-only');
    expect(device.abilities.readOnly).toBe(true);
    const target = new Uint8Array(2);
    await device.read(1, target);
    expect(target).toEqual(Uint8Array.of(2, 3));
    await device.close();
  });

  it('can only be read in a page', async () => {
    const file = new TestFile();
    file.bytes = Uint8Array.of(1, 2, 3);
    await expect(openOpfsDevice(inPage(file))).rejects.toMatchObject({
      code: 'ERR_NBD_NOT_SUPPORTED',
      message: 'openOpfsDevice: disk.img can be written in a dedicated worker only; here, open it with readOnly',
    });
    const device = await openOpfsDevice(inPage(file), { readOnly: true });
    const target = new Uint8Array(3);
    await device.read(0, target);
    expect(target).toEqual(file.bytes);
    await device.close();
  });
});

describe('the path of a file of a browser', () => {
  function browser(): TestFolder {
    const root = new TestFolder();
    vi.stubGlobal('navigator', { storage: { getDirectory: async () => root } });
    return root;
  }

  it('leads through folders, which are made on request', async () => {
    const root = browser();
    await expect(openOpfsDevice('a/b/disk.img')).rejects.toMatchObject({ code: 'EIO' });
    expect(root.folders.size).toBe(0);
    const device = await openOpfsDevice('/a/b/disk.img', { create: true, size: 10 });
    expect(root.folders.get('a')?.folders.get('b')?.files.get('disk.img')?.bytes).toHaveLength(10);
    await device.close();
  });

  it('makes nothing where it is opened for reading', async () => {
    const root = browser();
    await expect(openOpfsDevice('disk.img', { create: true, readOnly: true })).rejects.toMatchObject({ code: 'EIO' });
    expect(root.files.size).toBe(0);
  });

  it.each(['', '/', 'a//b', 'a/', '../a', 'a/./b'])('%j is refused', async (path) => {
    browser();
    await expect(openOpfsDevice(path)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it('leads nowhere without such a file system', async () => {
    vi.stubGlobal('navigator', {});
    await expect(openOpfsDevice('disk.img')).rejects.toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
  });

  it('is no other value', async () => {
    await expect(openOpfsDevice(5 as unknown as string)).rejects.toThrow(
      'openOpfsDevice: the file is 5, expected a path or a FileSystemFileHandle',
    );
  });
});
