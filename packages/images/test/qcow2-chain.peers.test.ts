/**
 * Images are committed and rebased as QEMU does it: from the same files, both have the same disks afterwards, and images without a fault.
 *
 * @module-tag slow
 */
import { copyFileSync, readFileSync } from 'node:fs';
import type { BlockDevice } from '@nbdjs/interfaces';
import { createWorkspace, describePeers, type Workspace } from '@nbdjs/peers';
import { openFileDevice } from '@nbdjs/storage';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeCodecs } from '../src/node/index.ts';
import {
  commitQcow2,
  emptyQcow2,
  type ImageDevice,
  openWritableQcow2,
  rebaseQcow2,
  setQcow2Backing,
} from '../src/qcow2/index.ts';
import { change, create, firstDifference, openImage, qemu, randomChanges, rawDisk } from './support/qemu-images.ts';

let workspace: Workspace;
const mebi = 2 ** 20;

/** One image of a chain, over the one before it. */
interface Link {
  readonly name: string;
  readonly format?: 'raw' | 'qcow2';
  readonly bytes: number;
  readonly options?: Readonly<Record<string, string | number>>;
}

async function makeChain(links: readonly Link[]): Promise<void> {
  let below: Link | undefined;
  for (const [index, link] of links.entries()) {
    const { name, format = 'qcow2', bytes, options = {} } = link;
    if (format === 'raw')
      await qemu(workspace, 'qemu-img', ['create', '-q', '-f', 'raw', workspace.peerPath(name), `${bytes}`]);
    else {
      const backing = below === undefined ? {} : { backing_file: below.name, backing_fmt: below.format ?? 'qcow2' };
      await create(workspace, name, { ...options, ...backing }, bytes);
    }
    const clusterBytes = Number(options.cluster_size ?? 65_536);
    const commands = randomChanges(index + bytes, { bytes, clusterBytes, canCompress: format === 'qcow2' });
    if (format === 'qcow2') await change(workspace, name, commands);
    else
      await qemu(workspace, 'qemu-io', [
        ...['-f', 'raw'],
        ...commands.flatMap((command) => ['-c', command]),
        workspace.peerPath(name),
      ]);
    below = link;
  }
}

/** The same files in a folder of their own. */
function copyOf(links: readonly Link[], folder: string): void {
  for (const { name } of links) copyFileSync(workspace.hostPath(name), workspace.hostPath(`${folder}-${name}`));
}

async function openWritable(name: string, below?: BlockDevice): Promise<ImageDevice> {
  const file = await openFileDevice(workspace.hostPath(name));
  return openWritableQcow2(file, {
    codecs: nodeCodecs,
    resolve: async ({ name: other, format }) => {
      if (below !== undefined) return below;
      return format === 'qcow2'
        ? openImage(workspace, other)
        : openFileDevice(workspace.hostPath(other), { readOnly: true });
    },
  });
}

async function diskOf({ name, format = 'qcow2' }: Link): Promise<Uint8Array> {
  return format === 'raw' ? readFileSync(workspace.hostPath(name)) : rawDisk(workspace, name);
}

async function expectClean(...links: readonly Link[]): Promise<void> {
  for (const { name, format = 'qcow2' } of links) {
    if (format === 'qcow2') await qemu(workspace, 'qemu-img', ['check', '-q', '-f', 'qcow2', workspace.peerPath(name)]);
  }
}

const commits: Readonly<Record<string, readonly [base: Link, top: Link]>> = {
  'into qcow2': [
    { name: 'base', bytes: 4 * mebi },
    { name: 'top', bytes: 4 * mebi },
  ],
  'into raw': [
    { name: 'base', bytes: 4 * mebi, format: 'raw' },
    { name: 'top', bytes: 4 * mebi },
  ],
  'that is longer, of other clusters': [
    { name: 'base', bytes: 2 * mebi + 512, options: { cluster_size: 4096 } },
    { name: 'top', bytes: 5 * mebi + 1024, options: { cluster_size: 16_384, extended_l2: 'on' } },
  ],
  'that is longer, into raw': [
    { name: 'base', bytes: 2 * mebi + 512, format: 'raw' },
    { name: 'top', bytes: 12 * mebi, options: { cluster_size: 2 * mebi } },
  ],
  'that is shorter': [
    { name: 'base', bytes: 4 * mebi },
    { name: 'top', bytes: 2 * mebi + 512, options: { cluster_size: 512 } },
  ],
  'of version 2': [
    { name: 'base', bytes: 4 * mebi, options: { compat: '0.10' } },
    { name: 'top', bytes: 4 * mebi, options: { compat: '0.10', cluster_size: 4096 } },
  ],
};

const rebases: Readonly<Record<string, { readonly chain: readonly [Link, Link]; readonly next?: Link }>> = {
  'to another one': {
    chain: [
      { name: 'base', bytes: 4 * mebi },
      { name: 'top', bytes: 4 * mebi },
    ],
    next: { name: 'other', bytes: 4 * mebi, options: { cluster_size: 4096 } },
  },
  'to a longer raw one': {
    chain: [
      { name: 'base', bytes: 3 * mebi + 512 },
      { name: 'top', bytes: 4 * mebi + 512, options: { extended_l2: 'on' } },
    ],
    next: { name: 'other', bytes: 6 * mebi, format: 'raw' },
  },
  'to a shorter one': {
    chain: [
      { name: 'base', bytes: 4 * mebi, format: 'raw' },
      { name: 'top', bytes: 5 * mebi, options: { cluster_size: 512 } },
    ],
    next: { name: 'other', bytes: mebi + 512 },
  },
  'to none': {
    chain: [
      { name: 'base', bytes: 4 * mebi },
      { name: 'top', bytes: 5 * mebi, options: { cluster_size: 4096 } },
    ],
  },
};

describePeers('images over others', ['qemu-img', 'qemu-io'], (generation) => {
  beforeEach(() => {
    workspace = createWorkspace(generation);
  });
  afterEach(() => workspace.dispose());

  it.each(Object.entries(commits))('are committed as by QEMU: %s', async (_, [base, top]) => {
    await makeChain([base, top]);
    const before = await diskOf(top);
    copyOf([base, top], 'kept');
    await qemu(workspace, 'qemu-img', ['commit', '-q', '-f', 'qcow2', workspace.peerPath(top.name)]);
    const expected = await diskOf(base);
    for (const { name } of [base, top]) copyFileSync(workspace.hostPath(`kept-${name}`), workspace.hostPath(name));

    const below =
      base.format === 'raw' ? await openFileDevice(workspace.hostPath(base.name)) : await openWritable(base.name);
    const image = await openWritable(top.name, below);
    await commitQcow2(image, below);
    await emptyQcow2(image);
    await image.close();
    expect(firstDifference(await diskOf(base), expected), 'the disk below').toBeUndefined();
    expect(firstDifference(await diskOf(top), before), 'the disk itself').toBeUndefined();
    await expectClean(base, top);
    const empty = await openImage(workspace, top.name);
    const answers = await empty.blockStatus(0, before.length, { contexts: ['qemu:allocation-depth'] });
    expect(answers[0]?.extents.every(({ status }) => status !== 1n)).toBe(true);
    await empty.close();
  });

  it('are committed over one between, which is shorter', async () => {
    const chain = [
      { name: 'base', bytes: 4 * mebi },
      { name: 'between', bytes: 2 * mebi, options: { cluster_size: 4096 } },
      { name: 'top', bytes: 3 * mebi + 512 },
    ] as const;
    await makeChain(chain);
    const before = await diskOf(chain[2]);
    copyOf(chain, 'kept');
    const paths = chain.map(({ name }) => workspace.peerPath(name));
    await qemu(workspace, 'qemu-img', ['commit', '-q', '-f', 'qcow2', '-b', paths[0] as string, paths[2] as string]);
    const expected = await diskOf(chain[0]);
    for (const { name } of chain) copyFileSync(workspace.hostPath(`kept-${name}`), workspace.hostPath(name));
    const base = await openWritable('base');
    const image = await openWritable('top', await openWritable('between', base));
    await commitQcow2(image, base, { depth: 3 });
    await image.close();
    const disk = await diskOf(chain[0]);
    expect(firstDifference(disk, expected)).toBeUndefined();
    expect(firstDifference(disk.subarray(0, before.length), before)).toBeUndefined();
    await expectClean(...chain);
  });

  it.each(Object.entries(rebases))('are rebased as by QEMU: %s', async (_, { chain, next }) => {
    await makeChain(chain);
    if (next !== undefined) await makeChain([next]);
    const [, top] = chain;
    const before = await diskOf(top);
    const file = await openWritable(top.name);
    const other =
      next === undefined
        ? undefined
        : next.format === 'raw'
          ? await openFileDevice(workspace.hostPath(next.name), { readOnly: true })
          : await openImage(workspace, next.name);
    await rebaseQcow2(file, other);
    await file.close();
    await other?.close();
    expect(firstDifference(await diskOf(top), before), 'before the header says so').toBeUndefined();
    const raw = await openFileDevice(workspace.hostPath(top.name));
    await setQcow2Backing(raw, next && { name: next.name, format: next.format ?? 'qcow2' });
    await raw.close();
    expect(firstDifference(await diskOf(top), before), 'afterwards').toBeUndefined();
    await expectClean(top);
    const info = JSON.parse(
      await qemu(workspace, 'qemu-img', ['info', '-f', 'qcow2', '--output=json', workspace.peerPath(top.name)]),
    );
    expect([info['backing-filename'], info['backing-filename-format']]).toEqual(
      next === undefined ? [undefined, undefined] : [next.name, next.format ?? 'qcow2'],
    );
  });
});
