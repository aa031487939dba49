/** What a disk has to read as after changes at random. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { expect } from 'vitest';

/** The bytes that a disk has to have. What was trimmed may read as anything. */
export class DiskModel {
  readonly size: number;
  readonly bytes: Uint8Array;
  /** 1 where a byte may be anything. */
  readonly unknown: Uint8Array;

  constructor(size: number) {
    this.size = size;
    this.bytes = new Uint8Array(size);
    this.unknown = new Uint8Array(size);
  }
}

type Random = () => number;

/** Changes a part of the disk that is this lane's own, so that lanes can run at the same time. */
export async function randomOperation(
  device: BlockDevice,
  model: DiskModel,
  random: Random,
  { lane, lanes }: { readonly lane: number; readonly lanes: number },
): Promise<void> {
  const share = Math.floor(model.size / lanes / 512) * 512;
  const start = lane * share;
  const end = lane === lanes - 1 ? model.size : start + share;
  const length = Math.min(end - start, 512 * (1 + Math.floor(random() ** 3 * 400)));
  const offset = start + 512 * Math.floor((random() * (end - start - length)) / 512);
  const kind = random();
  if (kind < 0.65) {
    const source = new Uint8Array(length).fill(1 + Math.floor(random() * 255));
    model.bytes.set(source, offset);
    model.unknown.fill(0, offset, offset + length);
    await device.write(offset, source);
  } else if (kind < 0.85) {
    model.bytes.fill(0, offset, offset + length);
    model.unknown.fill(0, offset, offset + length);
    await device.writeZeroes(offset, length, { noHole: random() < 0.3 });
  } else {
    model.unknown.fill(1, offset, offset + length);
    await device.trim(offset, length);
  }
}

/** The first byte of a disk that is not as it has to be. */
export async function firstWrong(device: BlockDevice, model: DiskModel): Promise<number | undefined> {
  const found = new Uint8Array(model.size);
  for (let at = 0; at < model.size; at += 2 ** 20) await device.read(at, found.subarray(at, at + 2 ** 20));
  for (let at = 0; at < model.size; at++) {
    if (model.unknown[at] === 1) model.bytes[at] = found[at] as number;
    else if (found[at] !== model.bytes[at]) return at;
  }
  return undefined;
}

export async function compareWithModel(device: BlockDevice, model: DiskModel): Promise<void> {
  expect(await firstWrong(device, model), 'the first wrong byte').toBeUndefined();
}
