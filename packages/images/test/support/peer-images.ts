/** Images made by real programs, and their content. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { BlockDevice } from '@nbdjs/interfaces';
import { makeRawImage, type Program, runPeer, type Workspace } from '@nbdjs/peers';
import { openFileDevice } from '@nbdjs/storage/file';
import { expect } from 'vitest';
import type { ImageResolver } from '../../src/image-reference.ts';

/** The size of the disks: not a multiple of any cluster. */
export const diskBytes = 9 * 2 ** 20 + 512;

/** Areas with data: at both ends, across clusters, and a single sector. */
const areas = [
  { offset: 0, length: 70_000 },
  { offset: 2 ** 20 - 512, length: 1024 },
  { offset: 3 * 2 ** 20 + 12_288, length: 512 },
  { offset: 4 * 2 ** 20, length: 2 ** 21 + 5 * 65_536 },
  { offset: diskBytes - 1024, length: 1024 },
];

/** Makes a raw disk in the workspace; with another seed, one that differs in all areas. */
export function makeDisk(workspace: Workspace, name = 'disk.raw', seed = 1, size = diskBytes): void {
  const kept = areas.filter(({ offset, length }) => offset + length <= size);
  makeRawImage(workspace.hostPath(name), size, kept, seed);
}

/** Runs a program that has to succeed; words that begin with `@` are names of files in the workspace. */
export async function succeed(workspace: Workspace, program: Program, args: readonly string[], stdin?: Uint8Array) {
  const words = args.map((word) => (word.startsWith('@') ? workspace.peerPath(word.slice(1)) : word));
  const result = await runPeer(program, workspace.generation, words, { stdin });
  expect(result, `${program} ${words.join(' ')}: ${result.stderr}`).toMatchObject({ code: 0 });
  return result.stdout.toString();
}

/** Opens a file of the workspace, for reading only. */
export function openAt(workspace: Workspace, name: string): Promise<BlockDevice> {
  return openFileDevice(workspace.hostPath(name), { readOnly: true });
}

/** Opens what images refer to, in the workspace, by the last part of the name; `open` opens parents in their format. */
export function resolverAt(
  workspace: Workspace,
  open: (file: BlockDevice, name: string) => Promise<BlockDevice> = async (file) => file,
): ImageResolver {
  return async ({ kind, name }) => {
    const file = await openAt(workspace, basename(name));
    return kind === 'backing' ? open(file, basename(name)) : file;
  };
}

/** All bytes of a device, in pieces of different sizes. */
export async function readWhole(device: BlockDevice): Promise<Buffer> {
  const whole = Buffer.alloc(Number(device.geometry.size));
  const pieces = [4096, 65_536, 512, 1_000_003, 2 ** 21];
  const reads: (void | Promise<void>)[] = [];
  for (let at = 0, index = 0; at < whole.length; index++) {
    const length = pieces[index % pieces.length] as number;
    reads.push(device.read(at, whole.subarray(at, at + length)));
    at += length;
  }
  await Promise.all(reads);
  return whole;
}

/** Expects that a disk has the bytes of a raw file of the workspace, and behind them zeroes. */
export async function expectSame(device: BlockDevice, workspace: Workspace, raw = 'disk.raw'): Promise<void> {
  const expected = readFileSync(workspace.hostPath(raw));
  const found = await readWhole(device);
  expect(found.length).toBeGreaterThanOrEqual(expected.length);
  expect(Buffer.compare(found.subarray(0, expected.length), expected)).toBe(0);
  expect(found.subarray(expected.length).every((byte) => byte === 0)).toBe(true);
}

/** Where a device has data, as its block status says; the last block of each format may be longer than the disk's data. */
export async function dataRanges(device: BlockDevice): Promise<readonly { offset: number; length: number }[]> {
  const size = Number(device.geometry.size);
  const found: { offset: number; length: number }[] = [];
  for (let at = 0; at < size; ) {
    const [answer] = await device.blockStatus(at, size - at);
    for (const { offset, length, status } of answer?.extents ?? []) {
      at = Number(offset + length);
      if (status !== 0n) continue;
      const last = found.at(-1);
      if (last !== undefined && last.offset + last.length === Number(offset)) last.length += Number(length);
      else found.push({ offset: Number(offset), length: Number(length) });
    }
  }
  return found;
}

/** The same, as qemu-img sees it. */
export async function peerDataRanges(workspace: Workspace, name: string, format: string) {
  const text = await succeed(workspace, 'qemu-img', ['map', '--output=json', '-f', format, `@${name}`]);
  const found: { offset: number; length: number }[] = [];
  for (const { start, length, data } of JSON.parse(text) as { start: number; length: number; data: boolean }[]) {
    if (!data) continue;
    const last = found.at(-1);
    if (last !== undefined && last.offset + last.length === start) last.length += length;
    else found.push({ offset: start, length });
  }
  return found;
}
