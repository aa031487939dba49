/** Backups of a real image; qemu-img judges what was restored. */
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import type { NbdClient } from '@nbdjs/client';
import { createWorkspace, generationsWith, peersRequired, runPeer, type Workspace } from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { fullBackup, incrementalBackup, restore } from '../backup.ts';
import { QemuImage } from '../qemu-image.ts';

const mebi = 2 ** 20;

async function write(
  image: QemuImage,
  ...parts: readonly (readonly [offset: number, length: number, value: number])[]
) {
  const change = async (disk: NbdClient) => {
    for (const [offset, length, value] of parts) {
      if (value === 0) await disk.writeZeroes(offset, length);
      else await disk.write(offset, new Uint8Array(length).fill(value));
    }
    await disk.flush();
  };
  await image.use(change, { readOnly: false });
}

async function compare(workspace: Workspace, number: number, with_: string) {
  const restored = workspace.hostPath(`restored-${number}`);
  await restore(workspace.folder, number, restored);
  const { code, stdout } = await runPeer('qemu-img', 'bookworm', [
    'compare',
    '-f',
    'raw',
    '-F',
    'qcow2',
    restored,
    with_,
  ]);
  return { code, text: stdout.toString().trim() };
}

// The example starts the programs of the machine itself.
const isThere = generationsWith(['qemu-img', 'qemu-nbd']).includes('bookworm');

describe.runIf(isThere || peersRequired())('incremental backup of a qcow2 image', () => {
  it('restores each of three backups, zeroes and overwritten parts among them', async () => {
    await using workspace = createWorkspace('bookworm');
    const image = await QemuImage.create(workspace.hostPath('disk.qcow2'), 32 * mebi + 512);
    const copies: string[] = [];
    const keep = async () => {
      const copy = workspace.hostPath(`copy-${copies.length}.qcow2`);
      await copyFile(image.path, copy);
      copies.push(copy);
    };
    await write(image, [0, 4 * mebi, 1], [30 * mebi, mebi, 2]);
    await fullBackup(image, workspace.folder);
    await keep();
    await write(image, [mebi, 100, 3], [2 * mebi, mebi, 0], [32 * mebi, 512, 4]);
    const first = await incrementalBackup(image, workspace.folder, 1);
    await keep();
    await write(image, [mebi + 50, 100, 5], [2 * mebi, 65_536, 6]);
    const second = await incrementalBackup(image, workspace.folder, 2);
    await keep();
    const bytes = (ranges: readonly { readonly length: number }[]) =>
      ranges.reduce((sum, { length }) => sum + length, 0);
    expect([bytes(first.ranges), bytes(second.ranges)]).toEqual([65_536 + mebi + 512, 2 * 65_536]);
    for (const [number, copy] of copies.entries()) {
      expect(await compare(workspace, number, copy)).toEqual({ code: 0, text: 'Images are identical.' });
    }
    expect((await compare(workspace, 1, copies[2] as string)).code).toBe(1);
  });

  it('a backup that fails can be repeated, and loses nothing', async () => {
    await using workspace = createWorkspace('bookworm');
    const image = await QemuImage.create(workspace.hostPath('disk.qcow2'), 8 * mebi);
    await write(image, [0, mebi, 1]);
    await fullBackup(image, workspace.folder);
    await write(image, [mebi, mebi, 2]);
    await expect(incrementalBackup(image, workspace.hostPath('no-such-folder'), 1)).rejects.toThrow('no-such-folder');
    await write(image, [4 * mebi, mebi, 3]);
    const { ranges } = await incrementalBackup(image, workspace.folder, 1);
    expect(ranges).toEqual([
      { offset: mebi, length: mebi },
      { offset: 4 * mebi, length: mebi },
    ]);
    expect(await compare(workspace, 1, image.path)).toEqual({ code: 0, text: 'Images are identical.' });
  });

  it('does not take a missing bitmap for no changes', async () => {
    await using workspace = createWorkspace('bookworm');
    const image = await QemuImage.create(workspace.hostPath('disk.qcow2'), mebi);
    await expect(incrementalBackup(image, workspace.folder, 1)).rejects.toThrow('since-0');
    expect(existsSync(workspace.hostPath('1.json'))).toBe(false);
    await expect(restore(workspace.folder, 1, workspace.hostPath('restored'))).rejects.toThrow('1.json');
  });
});
