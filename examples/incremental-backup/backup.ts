/**
 * A folder of backups of one disk: number 0 is the whole disk, each further one has the ranges that have changed since the one before.
 *
 * Each has an image, `N.img`, which is sparse and as long as the disk, and `N.json`, which says which ranges of the image count. It is written last,
 * so a backup without it was not finished, and does not exist.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NbdClient } from '@nbdjs/client';
import { copyDevice } from '@nbdjs/copy';
import { createSliceLayer, openFileDevice } from '@nbdjs/storage';
import { contextOf, type QemuImage } from './qemu-image.ts';

interface Range {
  readonly offset: number;
  readonly length: number;
}

interface Manifest {
  readonly sizeBytes: number;
  readonly ranges: readonly Range[];
}

/** The bitmap that records what changes after backup `number`. */
const bitmapAfter = (number: number): string => `since-${number}`;

/** Copies the whole disk, and has QEMU record what changes from now on. */
export async function fullBackup(image: QemuImage, folder: string): Promise<Manifest> {
  await image.bitmap('add', bitmapAfter(0));
  try {
    return await image.use((disk) => backUp(disk, folder, 0, wholeOf));
  } catch (error) {
    await image.bitmap('remove', bitmapAfter(0));
    throw error;
  }
}

/** Copies what has changed since backup `number - 1`. When it fails, that stays recorded, and it can be tried again. */
export async function incrementalBackup(image: QemuImage, folder: string, number: number): Promise<Manifest> {
  const [before, after] = [bitmapAfter(number - 1), bitmapAfter(number)];
  // Both record for a moment: what is written in between would be in both backups, and in none it would be lost.
  await image.bitmap('add', after);
  try {
    await image.bitmap('disable', before);
    const changes = (disk: NbdClient) => changesOf(disk, before);
    const manifest = await image.use((disk) => backUp(disk, folder, number, changes), { bitmap: before });
    await image.bitmap('remove', before);
    return manifest;
  } catch (error) {
    await Promise.allSettled([image.bitmap('enable', before)]);
    await Promise.allSettled([image.bitmap('remove', after)]);
    throw error;
  }
}

/** Makes a file of the disk as it was at backup `number`. */
export async function restore(folder: string, number: number, path: string): Promise<void> {
  const { sizeBytes } = await manifestOf(folder, number);
  const target = await openFileDevice(path, { create: true, size: sizeBytes });
  for (let one = 0; one <= number; one++) {
    const { ranges } = await manifestOf(folder, one);
    const source = await openFileDevice(join(folder, `${one}.img`), { readOnly: true });
    for (const range of ranges) {
      await copyDevice(createSliceLayer(source, range), createSliceLayer(target, range), { targetIsZero: one === 0 });
    }
    await source.close();
  }
  await target.flush();
  await target.close();
}

async function backUp(
  disk: NbdClient,
  folder: string,
  number: number,
  rangesOf: (disk: NbdClient) => AsyncIterable<Range>,
): Promise<Manifest> {
  const path = join(folder, `${number}.img`);
  const sizeBytes = Number(disk.geometry.size);
  const ranges: Range[] = [];
  try {
    const target = await openFileDevice(path, { create: true, size: sizeBytes });
    for await (const range of rangesOf(disk)) {
      await copyDevice(createSliceLayer(disk, range), createSliceLayer(target, range), { targetIsZero: true });
      ranges.push(range);
    }
    await target.flush();
    await target.close();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  const manifest = { sizeBytes, ranges };
  await writeFile(join(folder, `${number}.json.new`), JSON.stringify(manifest), { flush: true });
  await rename(join(folder, `${number}.json.new`), join(folder, `${number}.json`));
  return manifest;
}

async function* wholeOf(disk: NbdClient): AsyncGenerator<Range> {
  if (disk.geometry.size > 0n) yield { offset: 0, length: Number(disk.geometry.size) };
}

async function* changesOf(disk: NbdClient, bitmap: string): AsyncGenerator<Range> {
  const context = contextOf(bitmap);
  // Without the bitmap, nothing would look changed.
  if (!disk.abilities.contexts.includes(context)) throw new Error(`the image has no bitmap ${bitmap} that can be read`);
  for await (const { offset, length, status } of disk.extents({ context })) {
    if (status !== 0n) yield { offset: Number(offset), length: Number(length) };
  }
}

async function manifestOf(folder: string, number: number): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, `${number}.json`), 'utf8')) as Manifest;
}
