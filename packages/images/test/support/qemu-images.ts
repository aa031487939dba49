/** Images by QEMU's tools, with the disks that they have to be read as. */
import { readFileSync } from 'node:fs';
import type { BlockDevice } from '@nbdjs/interfaces';
import { type Program, runPeer, startQemuNbd, type Workspace } from '@nbdjs/peers';
import { openFileDevice } from '@nbdjs/storage';
import { nodeCodecs } from '../../src/node/index.ts';
import { type ImageDevice, openQcow2, type Qcow2Options } from '../../src/qcow2/index.ts';

/** What QEMU says when it has measured too little of a busy processor to choose the cost of a key. It has to be asked again. */
const unmeasured = 'Unable to get accurate CPU usage';
const triesMax = 20;

/** Runs a tool of the workspace's generation in its folder, and gives what it prints. */
export async function qemu(
  workspace: Workspace,
  program: Program,
  args: readonly string[],
  tries = 1,
): Promise<string> {
  const { code, stdout, stderr } = await runPeer(program, workspace.generation, args);
  if (code !== 0 && `${stderr}`.includes(unmeasured) && tries < triesMax) {
    return await qemu(workspace, program, args, tries + 1);
  }
  // qemu-io ends well even if one of its commands has failed, and says so on the standard output.
  if (code !== 0 || (program === 'qemu-io' && /failed|error/i.test(`${stdout}`))) {
    throw new Error(`${program} ${args.join(' ')}: ${stderr}${stdout}`);
  }
  return stdout.toString();
}

/** The disk that an image has by QEMU's reading. */
export async function rawDisk(workspace: Workspace, name: string, ...args: readonly string[]): Promise<Uint8Array> {
  const raw = `${name}.raw`;
  const paths = [workspace.peerPath(name), workspace.peerPath(raw)];
  await qemu(workspace, 'qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', ...args, ...paths]);
  return readFileSync(workspace.hostPath(raw));
}

/** Opens an image of the workspace; what it refers to is opened by its name in the same folder. */
export async function openImage(workspace: Workspace, name: string, options: Qcow2Options = {}): Promise<ImageDevice> {
  const file = await openFileDevice(workspace.hostPath(name), { readOnly: true });
  const resolve: Qcow2Options['resolve'] = async (reference) => {
    const inFolder = reference.name.slice(reference.name.lastIndexOf('/') + 1);
    if (reference.format === 'qcow2') return openImage(workspace, inFolder);
    return openFileDevice(workspace.hostPath(inFolder), { readOnly: true });
  };
  try {
    return await openQcow2(file, { codecs: nodeCodecs, resolve, name, ...options });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads a whole device in pieces of one length. */
export async function readDisk(device: BlockDevice, pieceBytes: number): Promise<Uint8Array> {
  const disk = new Uint8Array(Number(device.geometry.size)).fill(0xee);
  const reads: Promise<void>[] = [];
  for (let at = 0; at < disk.length; at += pieceBytes) {
    const piece = disk.subarray(at, at + pieceBytes);
    reads.push(Promise.resolve(device.read(at, piece)));
    if (reads.length === 16) await Promise.all(reads.splice(0));
  }
  await Promise.all(reads);
  return disk;
}

/** The first byte at which two disks differ; `undefined` when they are the same. */
export function firstDifference(one: Uint8Array, other: Uint8Array): number | undefined {
  if (one.length !== other.length) return Math.min(one.length, other.length);
  if (Buffer.compare(one, other) === 0) return undefined;
  return one.findIndex((byte, index) => byte !== other[index]);
}

/** What `qemu-img map` and our map have in common: neighbours of one kind are joined. */
export interface MapEntry {
  readonly start: number;
  length: number;
  /** 0: stored nowhere. 1: in the image. 2: in the image below, and so on. */
  readonly depth: number;
  readonly zero: boolean;
  readonly data: boolean;
}

export async function qemuMap(workspace: Workspace, name: string): Promise<readonly MapEntry[]> {
  const args = ['map', '-f', 'qcow2', '--output=json', workspace.peerPath(name)];
  const entries = JSON.parse(await qemu(workspace, 'qemu-img', args)) as (MapEntry & { readonly present: boolean })[];
  return joined(
    entries.map(({ start, length, depth, zero, data, present }) => ({
      start,
      length,
      depth: present ? depth + 1 : 0,
      zero,
      data,
    })),
  );
}

export async function ourMap(device: BlockDevice): Promise<readonly MapEntry[]> {
  const entries: MapEntry[] = [];
  const size = Number(device.geometry.size);
  for (let at = 0; at < size; ) {
    const contexts = ['base:allocation', 'qemu:allocation-depth'];
    const [base, depths] = await device.blockStatus(at, size - at, { contexts });
    const depthAt = (offset: bigint) => depths?.extents.find((one) => one.offset + one.length > offset);
    let end = at;
    for (const { offset, length, status } of base?.extents ?? []) {
      for (let from = offset; from < offset + length; ) {
        const depth = depthAt(from);
        if (depth === undefined) break;
        const to = depth.offset + depth.length < offset + length ? depth.offset + depth.length : offset + length;
        const isHole = (status & 1n) !== 0n;
        const zero = (status & 2n) !== 0n;
        entries.push({
          start: Number(from),
          length: Number(to - from),
          depth: Number(depth.status),
          zero,
          data: !isHole,
        });
        from = to;
        end = Number(to);
      }
    }
    if (end === at) throw new Error(`the map stands still at ${at}`);
    at = end;
  }
  return joined(entries);
}

/** The same map, without the images that store its parts. */
export function withoutDepth(map: readonly MapEntry[]): readonly MapEntry[] {
  return joined(map.map((entry) => ({ ...entry, depth: 0 })));
}

/** Which image stores each part of a disk. */
export type Depths = readonly { readonly offset: number; readonly length: number; readonly type: number }[];

export function depthsOf(map: readonly MapEntry[]): Depths {
  const entries = joined(map.map((entry) => ({ ...entry, zero: false, data: false })));
  return entries.map(({ start, length, depth }) => ({ offset: start, length, type: depth }));
}

/** The same by qemu-nbd. */
export async function qemuDepths(workspace: Workspace, name: string): Promise<Depths> {
  const options = { image: name, format: 'qcow2', readOnly: true, allocationDepth: true } as const;
  await using server = await startQemuNbd(workspace, options);
  const args = ['--map=qemu:allocation-depth', '--json', server.peerUri()];
  const { stdout, stderr, code } = await runPeer('nbdinfo', workspace.generation, args);
  if (code !== 0) throw new Error(stderr);
  const entries = JSON.parse(stdout.toString()) as { offset: number; length: number; type: number }[];
  const plain = { zero: false, data: false };
  return depthsOf(entries.map(({ offset, length, type }) => ({ ...plain, start: offset, length, depth: type })));
}

function joined(entries: readonly MapEntry[]): readonly MapEntry[] {
  const all: MapEntry[] = [];
  for (const entry of entries) {
    const last = all.at(-1);
    const isSame = last?.depth === entry.depth && last.zero === entry.zero && last.data === entry.data;
    if (last !== undefined && isSame) last.length += entry.length;
    else all.push({ ...entry });
  }
  return all;
}

/** What is changed in a disk. */
export interface ChangedDisk {
  readonly bytes: number;
  readonly clusterBytes: number;
  readonly canCompress: boolean;
}

/** Commands for qemu-io that compress, write, zero and discard in a disk, from a seed. */
export function randomChanges(seed: number, { bytes, clusterBytes, canCompress }: ChangedDisk): string[] {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const clusters = Math.floor(bytes / clusterBytes);
  const commands = canCompress ? compressed(below, clusters, clusterBytes) : [];
  for (let step = 0; step < 20; step++) {
    const length = 512 * (1 + below((3 * clusterBytes) / 512));
    const offset = 512 * below((bytes - length) / 512);
    const [first, span] = [clusterBytes * below(clusters - 3), clusterBytes * (1 + below(3))];
    const kind = random();
    if (kind < 0.5) commands.push(`write -P ${1 + below(255)} ${offset} ${length}`);
    else if (kind < 0.7) commands.push(`write -z ${offset} ${length}`);
    else if (kind < 0.85) commands.push(`write -z -u ${first} ${span}`);
    else commands.push(`discard ${first} ${span}`);
  }
  return commands;
}

/** QEMU compresses only what was never written, so these come first, and each cluster once. */
function compressed(below: (limit: number) => number, clusters: number, clusterBytes: number): string[] {
  const chosen = new Set(Array.from({ length: 10 }, () => below(clusters)));
  for (const cluster of [...chosen].slice(0, 3)) if (cluster + 1 < clusters) chosen.add(cluster + 1);
  return [...chosen].map((cluster) => `write -c -P ${1 + below(255)} ${cluster * clusterBytes} ${clusterBytes}`);
}

/** Numbers from 0 to 1 (xorshift). */
export function seededRandom(seed: number): () => number {
  let state = (seed * 0x9e37_79b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Changes an image by qemu-io. */
export async function change(workspace: Workspace, name: string, commands: readonly string[]): Promise<void> {
  const args = commands.flatMap((command) => ['-c', command]);
  await qemu(workspace, 'qemu-io', ['-f', 'qcow2', '-t', 'unsafe', '-d', 'unmap', ...args, workspace.peerPath(name)]);
}

/** Makes an image. */
export async function create(
  workspace: Workspace,
  name: string,
  options: Readonly<Record<string, string | number>>,
  size?: number,
): Promise<void> {
  const list = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const sizes = size === undefined ? [] : [String(size)];
  await qemu(workspace, 'qemu-img', ['create', '-q', '-f', 'qcow2', ...list, workspace.peerPath(name), ...sizes]);
}
