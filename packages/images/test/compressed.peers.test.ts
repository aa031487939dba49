/** Files that gzip, xz and zstd compress, read by us. */
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createWorkspace, describePeers, type Workspace } from '@nbdjs/peers';
import { createMemoryDevice } from '@nbdjs/storage/memory';
import { expect, it } from 'vitest';
import { webCodecs } from '../src/codecs/index.ts';
import { type CompressedOptions, openCompressed } from '../src/compressed/index.ts';
import { nodeCodecs } from '../src/node/index.ts';
import { diskBytes, expectSame, makeDisk, openAt, succeed } from './support/peer-images.ts';

const store = () => createMemoryDevice({ size: 16 * 2 ** 20 });
const suffixes = { gzip: 'gz', xz: 'xz', zstd: 'zst' } as const;

async function pack(workspace: Workspace, program: keyof typeof suffixes, args: readonly string[]): Promise<string> {
  makeDisk(workspace);
  await succeed(workspace, program, ['-k', '-q', ...args, '@disk.raw']);
  return `disk.raw.${suffixes[program]}`;
}

async function expectDisk(workspace: Workspace, name: string, version: string, options: CompressedOptions = {}) {
  for (const codecs of [nodeCodecs, webCodecs]) {
    const file = await openAt(workspace, name);
    const device = await openCompressed(file, { codecs, ...options });
    expect(device.image).toMatchObject({ version, virtualBytes: BigInt(diskBytes) });
    await expectSame(device, workspace);
    await device.close();
  }
}

describePeers('compressed files', ['gzip', 'xz', 'zstd'], (generation) => {
  it('of gzip are decompressed into the store, all members of them', async () => {
    await using workspace = createWorkspace(generation);
    const name = await pack(workspace, 'gzip', []);
    await expectDisk(workspace, name, 'stream', { store });
    const bytes = readFileSync(workspace.hostPath('disk.raw'));
    writeFileSync(workspace.hostPath('a'), bytes.subarray(0, 5_000_000));
    writeFileSync(workspace.hostPath('b'), bytes.subarray(5_000_000));
    await succeed(workspace, 'gzip', ['@a', '@b']);
    appendFileSync(workspace.hostPath('a.gz'), readFileSync(workspace.hostPath('b.gz')));
    await expectDisk(workspace, 'a.gz', 'stream', { store });
  });

  it.each([
    ['-0', '--block-size=1MiB'],
    ['-0', '--block-size=1MiB', '-C', 'crc32'],
    ['--block-size=700001', '-C', 'none', '-0'],
    ['-1', '-T2', '--block-size=2MiB'],
  ])('of xz %s are read by their blocks', async (...args) => {
    await using workspace = createWorkspace(generation);
    await expectDisk(workspace, await pack(workspace, 'xz', args), 'blocks');
  });

  it('of xz in one block that is too long are decompressed into the store', async () => {
    await using workspace = createWorkspace(generation);
    const name = await pack(workspace, 'xz', ['-0', '-T1']);
    await expectDisk(workspace, name, 'blocks');
    await expectDisk(workspace, name, 'stream', { cacheBytes: 2 ** 20, store });
    await expect(
      openCompressed(await openAt(workspace, name), { codecs: nodeCodecs, cacheBytes: 2 ** 20 }),
    ).rejects.toThrow(/no option 'store' has room/);
  });

  it('of several streams of xz, with padding between them, are read by their blocks', async () => {
    await using workspace = createWorkspace(generation);
    makeDisk(workspace);
    const bytes = readFileSync(workspace.hostPath('disk.raw'));
    const parts: Buffer[] = [];
    for (const [index, check] of ['crc32', 'crc64', 'none'].entries()) {
      const part = bytes.subarray(index * 3_500_000, (index + 1) * 3_500_000);
      writeFileSync(workspace.hostPath(`p${index}`), part);
      await succeed(workspace, 'xz', ['-C', check, '-0', '--block-size=1MiB', `@p${index}`]);
      parts.push(readFileSync(workspace.hostPath(`p${index}.xz`)), Buffer.alloc(8 * index));
    }
    writeFileSync(workspace.hostPath('all.xz'), Buffer.concat(parts));
    await expectDisk(workspace, 'all.xz', 'blocks');
  });

  it.each([
    ['-C', 'sha256', /SHA-256/],
    ['--x86', '--lzma2', /filter x86/],
    ['--lzma2=dict=128MiB', '-k', /dictionary of 134217728 bytes/],
  ] as const)('of xz with %s %s are refused in words', async (first, second, words) => {
    await using workspace = createWorkspace(generation);
    const name = await pack(workspace, 'xz', [first, second]);
    const open = async () => {
      const device = await openCompressed(await openAt(workspace, name), { codecs: nodeCodecs });
      await device.read(0, new Uint8Array(1));
    };
    await expect(open()).rejects.toThrow(words);
  });

  it('of zstd are read by their frames where there are several, with sizes', async () => {
    await using workspace = createWorkspace(generation);
    makeDisk(workspace);
    const bytes = readFileSync(workspace.hostPath('disk.raw'));
    const frames: Buffer[] = [];
    const table: number[] = [];
    for (let index = 0; index * 2 ** 20 < bytes.length; index++) {
      const part = bytes.subarray(index * 2 ** 20, (index + 1) * 2 ** 20);
      writeFileSync(workspace.hostPath(`p${index}`), part);
      await succeed(workspace, 'zstd', ['-q', `@p${index}`]);
      const frame = readFileSync(workspace.hostPath(`p${index}.zst`));
      frames.push(frame);
      table.push(frame.length, part.length);
    }
    const plain = Buffer.concat(frames);
    writeFileSync(workspace.hostPath('frames.zst'), plain);
    await expectDisk(workspace, 'frames.zst', 'frames');
    // The same with a seek table, which zstd itself skips.
    const seek = Buffer.alloc(8 + table.length * 4 + 9);
    seek.writeUInt32LE(0x184d2a5e, 0);
    seek.writeUInt32LE(seek.length - 8, 4);
    for (const [index, value] of table.entries()) seek.writeUInt32LE(value, 8 + index * 4);
    seek.writeUInt32LE(frames.length, seek.length - 9);
    seek.writeUInt32LE(0x8f92eab1, seek.length - 4);
    writeFileSync(workspace.hostPath('seekable.zst'), Buffer.concat([plain, seek]));
    await succeed(workspace, 'zstd', ['-q', '-t', '@seekable.zst']);
    await expectDisk(workspace, 'seekable.zst', 'frames');
    const device = await openCompressed(await openAt(workspace, 'seekable.zst'), { codecs: nodeCodecs });
    expect(device.image.details).toMatchObject({ 'seek table': true, frames: frames.length });
    await device.close();
  });

  it('of zstd in one frame are read from memory, or by way of the store', async () => {
    await using workspace = createWorkspace(generation);
    const name = await pack(workspace, 'zstd', []);
    await expectDisk(workspace, name, 'frames');
    await expectDisk(workspace, name, 'stream', { cacheBytes: 2 ** 20, store });
    // From a pipe, the frame does not say how long it is.
    const packed = workspace.hostPath('piped.zst');
    await succeed(workspace, 'zstd', ['-q', '-o', '@piped.zst'], readFileSync(workspace.hostPath('disk.raw')));
    expect(readFileSync(packed).length).toBeGreaterThan(1000);
    await expectDisk(workspace, 'piped.zst', 'stream', { store });
  });

  it('that are cut off or changed are refused, and so is a store that is too small', async () => {
    await using workspace = createWorkspace(generation);
    const open = async (name: string, options: CompressedOptions = {}) => {
      const device = await openCompressed(await openAt(workspace, name), { codecs: nodeCodecs, store, ...options });
      await device.read(0, new Uint8Array(diskBytes));
    };
    for (const program of ['gzip', 'xz', 'zstd'] as const) {
      // Fast, and in one piece.
      const name = await pack(workspace, program, program === 'xz' ? ['-0', '-T1'] : []);
      const path = workspace.hostPath(name);
      const whole = readFileSync(path);
      const changed = Buffer.from(whole);
      changed.fill(0x5a, 100_000, 100_100);
      writeFileSync(path, changed);
      await expect(open(name), `${program}, changed`).rejects.toThrow(/the image is damaged/);
      writeFileSync(path, whole);
      truncateSync(path, 1_000_000);
      await expect(open(name), `${program}, cut off`).rejects.toThrow(/the image is damaged/);
      writeFileSync(path, whole);
      const small = { store: () => createMemoryDevice({ size: 2 ** 20 }), cacheBytes: 65_536 };
      await expect(open(name, small), `${program}, small`).rejects.toThrow(/more than 1048576 bytes/);
    }
  });
});
