/** Disk images. They come from anywhere, and a guest may have written them. */
import { nodeCodecs } from '@nbdjs/images/node';
import { checkQcow2, openQcow2, openWritableQcow2 } from '@nbdjs/images/qcow2';
import { isNbdError } from '@nbdjs/interfaces';
import { createMemoryDevice, createSliceLayer } from '@nbdjs/storage';
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

const corpus = () => [
  buildQcow2Image({ clusterBits: 9 }).bytes,
  buildQcow2Image({ clusterBits: 9, version: 2 }).bytes,
  buildQcow2Image({ clusterBits: 12, backing: 'base' }).bytes,
  buildQcow2Image({ clusterBits: 9, dataFile: 'data' }).bytes,
];

/** The most that a disk of this size needs in its file: an image that is damaged must not make it longer than that. */
const fileBytesMax = 2n ** 44n;

/** Damaged images that are opened for writing, and changed; then what is left of them is checked and repaired. */
export const imageQcow2Writing: Target = {
  name: 'image-qcow2-writing',
  corpus,
  async run({ seed, bytes }) {
    const random = seededRandom(seed);
    const file = createMemoryDevice({ size: bytes.length });
    await file.write(0, bytes);
    const kept = Object.assign(createSliceLayer(file, { offset: 0 }), { close: async () => {} });
    const open = random() < 0.5 ? file : kept;
    await mayFail(async () => {
      const device = await openWritableQcow2(open, {
        codecs: nodeCodecs,
        cacheBytes: 65_536,
        resolve: () => createMemoryDevice({ size: 20_000 }),
      });
      const size = Number(device.geometry.size);
      try {
        for (let round = 0; round < 8; round++) {
          const offset = Math.floor(random() * (round < 5 ? Math.min(size, 20_000) : size));
          const length = Math.min(size - offset, Math.floor(random() * 100_000));
          if (length === 0) continue;
          const kind = random();
          await mayFail(async () => {
            if (kind < 0.5) await device.write(offset, new Uint8Array(length).fill(round));
            else if (kind < 0.7) await device.writeZeroes(offset, length, { noHole: kind < 0.55 });
            else if (kind < 0.8) await device.trim(offset, length);
            else await device.read(offset, new Uint8Array(length));
          });
          if (random() < 0.3) await mayFail(async () => void (await device.flush()));
        }
        if (random() < 0.3)
          await mayFail(async () => void (await device.resizing?.resize(Math.floor(random() * 200_000))));
      } finally {
        await device.close();
      }
    });
    insist(file.geometry.size < fileBytesMax, 'a file that has become huge');
    if (open === kept) {
      await mayFail(async () => {
        const first = await checkQcow2(file, { repair: 'all', memoryBytes: 2 ** 20 });
        if (first.corruptions === 0) {
          const second = await checkQcow2(file, { memoryBytes: 2 ** 20 });
          insist(second.corruptions === 0 && second.leaks === first.leaks, 'a repair that does not hold');
        }
      });
    }
    await file.close();
  },
};

export const imageQcow2: Target = {
  name: 'image-qcow2',
  corpus,
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
