/** The image of the demo: the same bytes in every run. */
import { createHash } from 'node:crypto';
import type { BlockDevice } from '@nbdjs/interfaces';
import { openFileDevice } from '@nbdjs/storage';

const mebi = 1024 * 1024;
export const imageBytes = 256 * mebi;
/** Where the image holds data, in MiB: start and length. */
const dataAreas = [
  [0, 6],
  [24, 3],
  [40, 31],
  [96, 1],
  [100, 2],
  [130, 55],
  [200, 8],
  [252, 4],
] as const;

export async function writeImage(path: string): Promise<void> {
  await using device = disposable(await openFileDevice(path, { create: true, size: imageBytes }));
  const block = new Uint8Array(64 * 1024);
  let state = 1;
  for (const [start, length] of dataAreas) {
    for (let offset = start * mebi; offset < (start + length) * mebi; offset += block.length) {
      // A linear congruential sequence.
      for (let index = 0; index < block.length; index++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        block[index] = (state >>> 24) | 1;
      }
      await device.write(offset, block);
    }
  }
}

/** Returns the SHA-256 of an image, in hexadecimal digits. */
export async function digestImage(device: BlockDevice): Promise<string> {
  const hash = createHash('sha256');
  const block = new Uint8Array(mebi);
  for (let offset = 0; offset < imageBytes; offset += block.length) {
    await device.read(offset, block);
    hash.update(block);
  }
  return hash.digest('hex');
}

/** Returns the device, which is closed when its block is left. */
export function disposable<Device extends BlockDevice>(device: Device): Device & AsyncDisposable {
  return Object.assign(device, { [Symbol.asyncDispose]: () => device.close() });
}
