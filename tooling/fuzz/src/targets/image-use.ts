/** What is done with an image that a fuzzer has made, and what has to hold. */
import { type BlockDevice, isNbdError } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { insist, type Target } from '../target.ts';

/** A name of a file takes part in messages. */
const messageMax = 6000;
/** Block status is asked for so often, at most. */
const stepsMax = 20;

/** Every error is one of ours, and a terminal can show it. */
export async function expectToSay(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isNbdError(error)) throw error;
    insist(error.message.length <= messageMax, 'a message without end');
    insist(!/\p{Cc}/u.test(error.message), 'a message with control characters');
  }
}

/** A device that has these bytes. */
export function deviceOf(bytes: Uint8Array): BlockDevice {
  const device = createMemoryDevice({ size: bytes.length });
  if (bytes.length > 0) device.write(0, bytes);
  return device;
}

/** Reads here and there, and asks for the map; each may fail by itself. */
export async function use(device: BlockDevice, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const { size } = device.geometry;
  for (let count = 0; count < 6; count++) {
    const length = Math.floor(random() * 200_000);
    const place = BigInt(Math.floor(random() * 2 ** 40)) % (size + 1n);
    const offset = count === 0 ? 0n : place;
    const bytes = new Uint8Array(Number(BigInt(length) < size - offset ? BigInt(length) : size - offset));
    await expectToSay(async () => await device.read(offset, bytes));
  }
  await expectToSay(async () => {
    let position = 0n;
    for (let step = 0; step < stepsMax && position < size; step++) {
      const [answer] = await device.blockStatus(position, size - position);
      const last = answer?.extents.at(-1);
      insist(last !== undefined && last.offset + last.length > position, 'no extent, or one that goes back');
      insist(last.offset + last.length <= size, 'an extent behind the end of the disk');
      position = last.offset + last.length;
    }
  });
}

/** Opens an input, uses it, and closes it. */
export function imageTarget(
  name: string,
  corpus: Target['corpus'],
  open: (bytes: Uint8Array, seed: number) => Promise<BlockDevice>,
): Target {
  return {
    name,
    corpus,
    run: ({ seed, bytes }) =>
      expectToSay(async () => {
        const device = await open(bytes, seed);
        try {
          await use(device, seed);
        } finally {
          await device.close();
        }
      }),
  };
}
