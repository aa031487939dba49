/**
 * qcow2 images of QEMU, byte-equal through `nbd serve`: each pair of what an image can be, and with NBDJS_LONG=1 all combinations (NBDJS_PART=I/N: of
 * N parts the one with the number I). Combinations that can share the images below are made and served together: most of the time of a
 * combination alone goes into starting programs of QEMU.
 *
 * @module-tag slow
 */
import { closeSync, copyFileSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { describePeers } from '@nbdjs/peers';
import { seededRandom } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { nbd } from './harness.ts';
import {
  allCombinations,
  allValues,
  type Combination,
  familiesOf,
  type ImageFamily,
  pairwise,
  someValues,
} from './qcow2-combinations.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

/** The families of this run. */
function chosen(): readonly ImageFamily[] {
  if (process.env.NBDJS_LONG !== '1') return familiesOf(pairwise(someValues));
  const [part = 0, parts = 1] = (process.env.NBDJS_PART ?? '0/1').split('/').map(Number);
  return familiesOf(allCombinations(allValues)).filter((_, index) => index % parts === part);
}

function path(name: string): string {
  return workspace.hostPath(name);
}

/** An image, and the disk that is expected of it. */
interface Made {
  readonly combination: Combination;
  readonly image: string;
  readonly size: number;
}

/** The sizes of the images of a chain, the lowest first: none is a multiple of a cluster, and they go up and down. */
function sizesOf(clusterBytes: number): readonly number[] {
  const unit = Math.max(8 * clusterBytes, 256 * 1024);
  return [1, 1.5, 0.75, 2].map((factor) => Math.floor((factor * unit) / 512) * 512 + 512);
}

/** Changes to images, in their order: one program makes them all. */
class Changes {
  readonly #commands: string[] = [];

  add(image: string, commands: readonly string[]): void {
    this.#commands.push(`open -o driver=qcow2 ${workspace.peerPath(image)}`, ...commands, 'close');
  }

  async make(): Promise<void> {
    const commands = this.#commands.splice(0);
    if (commands.length === 0) return;
    const output = await peer('qemu-io', ...commands.flatMap((command) => ['-c', command]));
    expect(output).not.toMatch(/failed|error|no file/i);
    expect(output.match(/^(wrote|discard) /gm)).toHaveLength(
      commands.filter((one) => /^(write|discard)/.test(one)).length,
    );
  }
}

async function create(name: string, family: ImageFamily, level: number, dataFile?: string): Promise<void> {
  const { version, clusterBytes, refcountBits, extended, compression } = family;
  const options = [`compat=${version}`, `cluster_size=${clusterBytes}`, `refcount_bits=${refcountBits}`];
  if (extended === 'on') options.push('extended_l2=on');
  if (compression === 'zstd') options.push('compression_type=zstd');
  if (dataFile !== undefined) options.push(`data_file=${workspace.peerPath(dataFile)}`);
  const below = level === 0 ? [] : ['-b', `${level - 1}.qcow2`, '-F', 'qcow2'];
  const words = options.flatMap((option) => ['-o', option]);
  const file = workspace.peerPath(name);
  await peer('qemu-img', 'create', '-q', '-f', 'qcow2', ...words, ...below, file, `${sizesOf(clusterBytes)[level]}`);
}

/** Makes the chain `0.qcow2`, ..., and over it an image for each combination. */
async function makeFamily(family: ImageFamily): Promise<readonly Made[]> {
  const { clusterBytes, combinations } = family;
  const sizes = sizesOf(clusterBytes);
  const first = new Changes();
  const later = new Changes();
  const made: Made[] = [];
  for (let level = 0; level <= Math.max(...combinations.map((one) => one.depth)); level++) {
    const tops = combinations.filter((one) => one.depth === level);
    const size = sizes[level] as number;
    const writes = (random: () => number, isFirst: boolean) => changes(family, size, random, isFirst);
    await create(`${level}.qcow2`, family, level);
    first.add(`${level}.qcow2`, writes(seededRandom(clusterBytes + level), true));
    for (const combination of tops) {
      const { dataFile, snapshots } = combination;
      const image = `${level}${dataFile === 'on' ? '-data' : ''}${snapshots === 'on' ? '-snapshot' : ''}.qcow2`;
      made.push({ combination, image, size });
      if (dataFile === 'off') continue;
      await create(image, family, level, dataName(level));
      first.add(image, writes(seededRandom(clusterBytes + level), true));
    }
  }
  await first.make();
  for (const { combination, image, size } of made) {
    if (combination.snapshots === 'off') continue;
    copyFileSync(path(`${combination.depth}.qcow2`), path(image));
    await peer('qemu-img', 'snapshot', '-c', 'before', workspace.peerPath(image));
    later.add(image, changes(family, size, seededRandom(size), false));
  }
  await later.make();
  return made;
}

function dataName(level: number): string {
  return `data${level}`;
}

/** Peers of trixie know the folder by another path: returns a copy whose data file is in the image's folder, by a name of the same length. */
function withNearData({ image, combination }: Made): string {
  const name = dataName(combination.depth);
  const data = workspace.peerPath(name);
  const bytes = readFileSync(path(image));
  bytes.write(`.${'/'.repeat(data.length - name.length - 1)}${name}`, bytes.indexOf(data));
  const near = `near-${image}`;
  writeFileSync(path(near), bytes);
  return near;
}

/** Commands of qemu-io. What is compressed comes first: QEMU compresses only what was never written. */
function changes(one: ImageFamily, size: number, random: () => number, isFirst: boolean): readonly string[] {
  const below = (limit: number): number => Math.floor(random() * limit);
  const { clusterBytes, compression } = one;
  const clusters = Math.floor(size / clusterBytes);
  const commands: string[] = [];
  if (isFirst && compression !== 'none') {
    for (const cluster of new Set([0, below(clusters), below(clusters)])) {
      commands.push(`write -c -P ${1 + below(255)} ${cluster * clusterBytes} ${clusterBytes}`);
    }
  }
  for (const kind of ['write', 'write', 'write', 'write -z', 'write -z -u', 'discard']) {
    const length = 512 * (1 + below(Math.min(size, 2 * clusterBytes) / 1024));
    const offset = 512 * below((size - length) / 512);
    const isAligned = kind === 'discard' || kind.endsWith('-u');
    const place = isAligned ? `${below(clusters) * clusterBytes} ${clusterBytes}` : `${offset} ${length}`;
    commands.push(kind === 'write' ? `write -P ${1 + below(255)} ${place}` : `${kind} ${place}`);
  }
  return commands;
}

/** The disks as QEMU reads them, one behind the other, and as they come through our server. */
async function expectSame(made: readonly Made[], snapshot?: string): Promise<void> {
  if (made.length === 0) return;
  const chosenSnapshot = snapshot === undefined ? [] : ['-l', `snapshot.name=${snapshot}`];
  const files = [...made.map(({ image }) => workspace.peerPath(image)), workspace.peerPath('raw')];
  await peer('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', ...chosenSnapshot, ...files);
  const sources = made.map((one, index) => {
    const file = one.combination.dataFile === 'on' ? withNearData(one) : one.image;
    return `e${index}=${path(file)}`;
  });
  await serve(...(snapshot === undefined ? [] : ['--snapshot-name', snapshot]), ...sources);
  const raw = openSync(path('raw'), 'r');
  let offset = 0;
  for (const [index, { combination, size }] of made.entries()) {
    const words = `${JSON.stringify(combination)} ${snapshot ?? ''}`;
    const uri = `nbd+unix:///e${index}?socket=${workspace.socketPath('s0')}`;
    expect.soft(await nbd('copy', '--quiet', uri, path('ours')), words).toMatchObject({ code: 0, stderr: '' });
    const theirs = Buffer.alloc(size);
    expect(readSync(raw, theirs, 0, size, offset)).toBe(size);
    expect.soft(Buffer.compare(readFileSync(path('ours')), theirs), words).toBe(0);
    rmSync(path('ours'), { force: true });
    offset += size;
  }
  closeSync(raw);
  await endLast();
}

describePeers('combinations of qcow2', ['qemu-img', 'qemu-io'], (generation) => {
  inWorkspace(generation);

  it.each(chosen().map((family) => ({ ...family, title: titleOf(family) })))('$title', async (family) => {
    const made = await makeFamily(family);
    await expectSame(made);
    // QEMU puts disks behind each other, but not those of snapshots.
    for (const one of made) if (one.combination.snapshots === 'on') await expectSame([one], 'before');
  });
});

function titleOf({ combinations, ...shared }: ImageFamily): string {
  const tops = combinations.map(({ depth, dataFile, snapshots }) => {
    return `${depth}${dataFile === 'on' ? ' data file' : ''}${snapshots === 'on' ? ' snapshots' : ''}`;
  });
  return `${JSON.stringify(shared)}, depths ${tops.join(', ')}`;
}
