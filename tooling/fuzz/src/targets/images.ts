/** Disk images. They come from anywhere, and a guest may have written them. */
import { nodeCodecs } from '@nbdjs/images/node';
import { openQcow2 } from '@nbdjs/images/qcow2';
import { isNbdError } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage/memory';
import { buildQcow2Image, seededRandom } from '@nbdjs/testkit';
import { insist, type Target } from '../target.ts';

/** Names in an image take part in messages. */
const messageMax = 2000;
/** More of a disk than this is not read: it may be huge. */
const readBytesMax = 2 ** 20;

/** Runs work that may fail by an error of ours, in one line. */
async function mayFail(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    insist(isNbdError(error), `an error that is none of ours: ${error instanceof Error ? error.stack : error}`);
    insist(error.message.length <= messageMax, 'a message without end');
    insist(!/\p{Cc}/u.test(error.message), 'a message with control characters');
  }
}

export const imageQcow2: Target = {
  name: 'image-qcow2',
  corpus: () => [
    buildQcow2Image({ clusterBits: 9 }).bytes,
    buildQcow2Image({ clusterBits: 9, version: 2 }).bytes,
    buildQcow2Image({ clusterBits: 12, backing: 'base' }).bytes,
    buildQcow2Image({ clusterBits: 9, dataFile: 'data' }).bytes,
  ],
  async run({ seed, bytes }) {
    const random = seededRandom(seed);
    const file = createMemoryDevice({ size: bytes.length });
    await file.write(0, bytes);
    await mayFail(async () => {
      const device = await openQcow2(file, {
        codecs: nodeCodecs,
        resolve: () => createMemoryDevice({ size: 20_000 }),
        snapshot: random() < 0.2 ? 's1' : undefined,
      });
      const size = Number(device.geometry.size);
      try {
        for (let round = 0; round < 6; round++) {
          const offset = Math.floor(random() * (round < 3 ? Math.min(size, 20_000) : size));
          const length = Math.min(size - offset, Math.floor(random() * readBytesMax));
          if (length === 0) continue;
          await mayFail(async () => void (await device.read(offset, new Uint8Array(length))));
          await mayFail(async () => void (await device.blockStatus(offset, size - offset)));
        }
      } finally {
        await device.close();
      }
    });
    await file.close();
  },
};
