/**
 * qcow2 images of QEMU, byte-equal through `nbd serve`: each pair of what an image can be, and with NBDJS_LONG=1 all combinations (NBDJS_PART=I/N: of
 * N parts the one with the number I).
 *
 * @module-tag slow
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describePeers } from '@nbdjs/peers';
import { seededRandom } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { allCombinations, allValues, type Combination, pairwise, someValues } from './qcow2-combinations.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

/** The combinations of this run. */
function chosen(): readonly Combination[] {
  if (process.env.NBDJS_LONG !== '1') return pairwise(someValues);
  const [part = 0, parts = 1] = (process.env.NBDJS_PART ?? '0/1').split('/').map(Number);
  return allCombinations(allValues).filter((_, index) => index % parts === part);
}

function path(name: string): string {
  return workspace.hostPath(name);
}

/** The sizes of the images of a chain, the lowest first: none is a multiple of a cluster, and they go up and down. */
function sizesOf({ depth, clusterBytes }: Combination): readonly number[] {
  const unit = Math.max(8 * clusterBytes, 256 * 1024);
  return [1, 1.5, 0.75, 2].slice(0, depth + 1).map((factor) => Math.floor((factor * unit) / 512) * 512 + 512);
}

/** Makes the chain `0.qcow2`, ...; returns the name of the image on top. */
async function makeChain(one: Combination): Promise<string> {
  const sizes = sizesOf(one);
  for (const [level, size] of sizes.entries()) {
    const isTop = level === sizes.length - 1;
    const options = [`compat=${one.version}`, `cluster_size=${one.clusterBytes}`, `refcount_bits=${one.refcountBits}`];
    if (one.extended === 'on') options.push('extended_l2=on');
    if (one.compression === 'zstd') options.push('compression_type=zstd');
    const data = workspace.peerPath('data');
    if (isTop && one.dataFile === 'on') options.push(`data_file=${data}`);
    const below = level === 0 ? [] : ['-b', `${level - 1}.qcow2`, '-F', 'qcow2'];
    const name = `${level}.qcow2`;
    const words = options.flatMap((option) => ['-o', option]);
    await peer('qemu-img', 'create', '-q', '-f', 'qcow2', ...words, ...below, workspace.peerPath(name), `${size}`);
    const random = seededRandom(one.clusterBytes + level);
    await change(name, changes(one, size, random, true));
    if (!isTop || one.snapshots === 'off') continue;
    await peer('qemu-img', 'snapshot', '-c', 'before', workspace.peerPath(name));
    await change(name, changes(one, size, random, false));
  }
  return `${sizes.length - 1}.qcow2`;
}

/** Peers of trixie know the folder by another path: returns a copy whose data file is in the image's folder, by a name of the same length. */
function withNearData(image: string): string {
  const data = workspace.peerPath('data');
  const bytes = readFileSync(path(image));
  bytes.write(`.${'/'.repeat(data.length - 5)}data`, bytes.indexOf(data));
  writeFileSync(path('near.qcow2'), bytes);
  return 'near.qcow2';
}

async function change(name: string, commands: readonly string[]): Promise<void> {
  const output = await peer(
    'qemu-io',
    ...['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), workspace.peerPath(name)],
  );
  expect(output).not.toMatch(/failed|error/i);
}

/** Commands of qemu-io. What is compressed comes first: QEMU compresses only what was never written. */
function changes(one: Combination, size: number, random: () => number, isFirst: boolean): readonly string[] {
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

/** The disk as QEMU reads it, and as it comes through our server. */
async function expectSame(image: string, { dataFile }: Combination, snapshot?: string): Promise<void> {
  const chosenSnapshot = snapshot === undefined ? [] : ['-l', `snapshot.name=${snapshot}`];
  const files = [workspace.peerPath(image), workspace.peerPath('raw')];
  await peer('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', ...chosenSnapshot, ...files);
  await serve(
    ...(snapshot === undefined ? [] : ['--snapshot-name', snapshot]),
    path(dataFile === 'on' ? withNearData(image) : image),
  );
  const uri = `nbd+unix:///?socket=${workspace.socketPath('s0')}`;
  expect(await nbd('copy', '--quiet', uri, path('ours'))).toMatchObject({ code: 0, stderr: '' });
  await endLast();
  expect(Buffer.compare(readFileSync(path('ours')), readFileSync(path('raw')))).toBe(0);
  rmSync(path('ours'));
}

describePeers('combinations of qcow2', ['qemu-img', 'qemu-io'], (generation) => {
  inWorkspace(generation);

  it.each(chosen())('%j', async (one) => {
    const image = await makeChain(one);
    await expectSame(image, one);
    if (one.snapshots === 'on') await expectSame(image, one, 'before');
  });
});
