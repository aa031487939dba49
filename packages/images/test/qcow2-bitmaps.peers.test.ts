/**
 * Bitmaps of images that are resized: QEMU finds them right, and after a crash none counts that is not.
 *
 * @module-tag slow
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { BlockDevice } from '@nbdjs/interfaces';
import { createWorkspace, describePeers, runPeer, startQemuNbd, type Workspace } from '@nbdjs/peers';
import { openFileDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkQcow2, openQcow2, openWritableQcow2 } from '../src/qcow2/index.ts';
import { CrashedFile, CrashFile, ReadableImage } from './support/crash-file.ts';
import { change, create, qemu } from './support/qemu-images.ts';

const mebi = 2 ** 20;
type Ranges = readonly (readonly [start: number, end: number])[];

/** Parts that a bitmap says are changed, from the answers of a device. */
async function dirty(device: BlockDevice, name: string): Promise<Ranges> {
  const size = Number(device.geometry.size);
  const found: [number, number][] = [];
  for (let at = 0; at < size; ) {
    const [answer] = await device.blockStatus(at, size - at, { contexts: [`qemu:dirty-bitmap:${name}`] });
    for (const { offset, length, status } of answer?.extents ?? []) {
      at = Number(offset + length);
      if (status === 1n) found.push([Number(offset), at]);
    }
  }
  return joined(found);
}

function joined(ranges: Ranges): Ranges {
  const found: [number, number][] = [];
  for (const [start, end] of ranges) {
    const last = found.at(-1);
    if (last?.[1] === start) last[1] = end;
    else found.push([start, end]);
  }
  return found;
}

describePeers('bitmaps of images that are resized', ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'], (generation) => {
  let workspace: Workspace;

  beforeEach(() => {
    workspace = createWorkspace(generation);
  });
  afterEach(() => workspace.dispose());

  async function bitmap(name: string, ...words: readonly string[]): Promise<void> {
    await qemu(workspace, 'qemu-img', ['bitmap', '-f', 'qcow2', ...words, workspace.peerPath('q'), name]);
  }

  /** One that follows changes by granules of 512 bytes, one by granules of 64 KiB, and one that is not enabled. */
  async function make(clusterBytes: number, size: number): Promise<void> {
    await create(workspace, 'q', { cluster_size: clusterBytes }, size);
    await bitmap('fine', '--add', '-g', '512');
    await bitmap('coarse', '--add', '-g', '65536');
    await bitmap('still', '--add', '-g', '512');
    await change(workspace, 'q', ['write 0 4k', `write ${size - 4096} 4k`]);
    await bitmap('still', '--disable');
  }

  /** The same, as QEMU reads it. */
  async function theirs(name: string): Promise<Ranges> {
    const options = { image: 'q', format: 'qcow2', bitmaps: [name], readOnly: true } as const;
    await using server = await startQemuNbd(workspace, options);
    const args = ['--json', `--map=qemu:dirty-bitmap:${name}`, server.peerUri()];
    const { stdout, stderr } = await runPeer('nbdinfo', generation, args);
    expect(stderr).toBe('');
    const entries: { offset: number; length: number; type: number }[] = JSON.parse(stdout.toString());
    const changed = entries.filter(({ type }) => type === 1);
    return joined(changed.map(({ offset, length }) => [offset, offset + length] as const));
  }

  async function resize(...sizes: readonly number[]): Promise<void> {
    const device = await openWritableQcow2(await openFileDevice(workspace.hostPath('q')));
    for (const size of sizes) await device.resizing?.resize(size);
    await device.close();
    await qemu(workspace, 'qemu-img', ['check', '-q', '-f', 'qcow2', workspace.peerPath('q')]);
    const info = JSON.parse(
      await qemu(workspace, 'qemu-img', ['info', '--output=json', '-f', 'qcow2', workspace.peerPath('q')]),
    );
    expect(info['virtual-size']).toBe(sizes.at(-1));
    expect(info['format-specific'].data.bitmaps).toEqual([
      { name: 'fine', granularity: 512, flags: ['auto'] },
      { name: 'coarse', granularity: 65_536, flags: ['auto'] },
      { name: 'still', granularity: 512, flags: [] },
    ]);
  }

  // In clusters of 512 bytes, 64 entries of a table are a cluster of it, and 128 MiB of the disk by granules of 512 bytes.
  it.each([512, 65_536])('have the new part of a longer disk, or none: clusters of %d bytes', async (clusterBytes) => {
    const [old, size] = [3 * mebi + 1024, 301 * mebi + 512];
    await make(clusterBytes, old);
    await resize(size);
    const granule = Math.floor((old - 4096) / 65_536) * 65_536;
    const expected = {
      fine: [
        [0, 4096],
        [old - 4096, size],
      ],
      coarse: [
        [0, 65_536],
        [granule, size],
      ],
      still: [
        [0, 4096],
        [old - 4096, old],
      ],
    };
    for (const [name, ranges] of Object.entries(expected)) expect(await theirs(name), name).toEqual(ranges);
    await change(workspace, 'q', ['write 200M 4k']);
    await qemu(workspace, 'qemu-img', ['check', '-q', '-f', 'qcow2', workspace.peerPath('q')]);
  });

  it.each([512, 65_536])('lose what is cut off for ever: clusters of %d bytes', async (clusterBytes) => {
    const [old, size] = [301 * mebi, 2 * mebi + 512];
    await make(clusterBytes, old);
    await change(workspace, 'q', ['write 2M 64k', 'write 100M 1M']);
    await bitmap('still', '--merge', 'fine');
    await resize(size);
    const expected = {
      fine: [
        [0, 4096],
        [2 * mebi, size],
      ],
      coarse: [
        [0, 65_536],
        [2 * mebi, size],
      ],
      still: [
        [0, 4096],
        [2 * mebi, size],
      ],
    };
    for (const [name, ranges] of Object.entries(expected)) expect(await theirs(name), name).toEqual(ranges);
    await resize(size, 4 * mebi);
    expect(await theirs('still')).toEqual(expected.still);
    expect(await theirs('fine')).toEqual([
      [0, 4096],
      [2 * mebi, 4 * mebi],
    ]);
  });

  it('that do not count keep an image as long as it is', async () => {
    await make(65_536, 2 * mebi);
    const device = await openWritableQcow2(await openFileDevice(workspace.hostPath('q')));
    await device.write(0, new Uint8Array(512));
    await device.flush();
    // As after a crash.
    writeFileSync(workspace.hostPath('crashed'), readFileSync(workspace.hostPath('q')));
    await device.close();
    const crashed = await openWritableQcow2(await openFileDevice(workspace.hostPath('crashed')));
    const why = "an image cannot be resized while its bitmap 'fine' is marked as being in use";
    await expect((async () => crashed.resizing?.resize(mebi))()).rejects.toThrow(why);
    await crashed.close();
    const { code, stderr } = await runPeer('qemu-img', generation, ['resize', workspace.peerPath('crashed'), '4M']);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/[Bb]itmap .* inconsistent/) });
  });

  it('whose entries are damaged are an error, and give no cluster back that is not theirs', async () => {
    await make(65_536, 8 * mebi);
    const bytes = readFileSync(workspace.hostPath('q'));
    // The header extension of bitmaps says where their directory is. A name in it stands behind 24 bytes, which begin with the place of the table.
    const directory = Number(bytes.readBigUInt64BE(bytes.indexOf(Buffer.of(0x23, 0x85, 0x28, 0x75)) + 24));
    const table = Number(bytes.readBigUInt64BE(bytes.indexOf('still', directory) - 24));
    bytes.writeBigUInt64BE(bytes.readBigUInt64BE(table) + 512n, table);
    writeFileSync(workspace.hostPath('q'), bytes);
    const device = await openWritableQcow2(await openFileDevice(workspace.hostPath('q')));
    await expect(async () => device.resizing?.resize(mebi)).rejects.toThrow('are not at the start of a cluster');
    await device.close();
  });

  it('that are too large for QEMU are not made', async () => {
    await make(65_536, 2 * mebi);
    const device = await openWritableQcow2(await openFileDevice(workspace.hostPath('q')));
    const tooLong = 2 ** 41 + 512;
    await expect((async () => device.resizing?.resize(tooLong))()).rejects.toMatchObject({ code: 'ENOSPC' });
    await device.close();
    await qemu(workspace, 'qemu-img', ['check', '-q', '-f', 'qcow2', workspace.peerPath('q')]);
  });

  it.each([
    ['longer', 3 * mebi, 301 * mebi],
    ['shorter', 301 * mebi, 3 * mebi],
  ])('do not count after a crash if they may be wrong: %s', async (_, old, size) => {
    await make(512, old);
    const first = readFileSync(workspace.hostPath('q'));
    const file = await CrashFile.of(first);
    const device = await openWritableQcow2(file, { cacheBytes: 65_536 });
    await device.write(mebi, new Uint8Array(512).fill(1));
    await device.resizing?.resize(size);
    await device.close();
    const crashed = new CrashedFile(first);
    const random = seededRandom(size);
    const seen = new Set<string>();
    for (const [index, step] of file.steps.entries()) {
      crashed.add(step);
      await crashed.after(random, async ({ bytes }) => {
        const where = `after step ${index}`;
        expect((await checkQcow2(new ReadableImage(bytes))).corruptions, where).toBe(0);
        const left = await openQcow2(new ReadableImage(bytes));
        const length = Number(left.geometry.size);
        for (const { name, inUse } of left.image.bitmaps) {
          seen.add(`${name} ${length === size ? 'new' : 'old'} ${inUse ? 'in use' : 'counts'}`);
          if (!inUse) expect(await dirty(left, name), `${where}: ${name}`).toEqual(await expectedOf(name, length));
        }
        await left.close();
        if (index % 20 !== 0) return;
        writeFileSync(workspace.hostPath('crashed'), bytes);
        const args = ['check', '-q', '-f', 'qcow2', workspace.peerPath('crashed')];
        expect([0, 3], where).toContain((await runPeer('qemu-img', generation, args)).code);
      });
    }
    for (const name of ['fine', 'coarse', 'still']) {
      for (const state of ['old counts', 'old in use', 'new in use', 'new counts']) {
        expect([...seen]).toContain(`${name} ${state}`);
      }
    }

    async function expectedOf(name: string, length: number): Promise<Ranges> {
      const granule = name === 'coarse' ? 65_536 : 512;
      const tail = Math.floor((old - 4096) / granule) * granule;
      const isOld = length === old;
      const changed = name === 'still' || isOld ? [] : [[mebi, mebi + granule] as const];
      const end = isOld || name === 'still' ? old : size;
      const last = length < old ? [] : [[tail, end] as const];
      return [[0, Math.max(4096, granule)] as const, ...changed, ...last];
    }
  });
});
