/** Writing qcow2: the suite of devices, and a model under random load, over many kinds of images. */
import { createMemoryDevice } from '@nbdjs/storage';
import { blockDeviceConformance, seededRandom } from '@nbdjs/testkit';
import { describe, it } from 'vitest';
import { createQcow2, openQcow2, openWritableQcow2, type Qcow2Shape } from '../src/qcow2/index.ts';
import { CrashFile } from './support/crash-file.ts';
import { compareWithModel, DiskModel, randomOperation } from './support/disk-model.ts';

type Shape = Omit<Qcow2Shape, 'size'>;

const shapes: Readonly<Record<string, Shape>> = {
  'usual clusters': {},
  'clusters of 512 bytes': { clusterBytes: 512 },
  'clusters of 4 KiB, version 2': { clusterBytes: 4096, version: '2' },
  'subclusters, refcounts of 1 bit': { clusterBytes: 16_384, extendedL2: true, refcountBits: 1 },
  'refcounts of 64 bits': { clusterBytes: 1024, refcountBits: 64 },
  'refcounts of 2 bits, lazily': { clusterBytes: 4096, refcountBits: 2, lazyRefcounts: true },
  'clusters of 2 MiB': { clusterBytes: 2 ** 21, refcountBits: 32 },
};

async function make(size: number, shape: Shape) {
  const file = createMemoryDevice({ size: 0 });
  await createQcow2(file, { size, ...shape });
  return openWritableQcow2(file);
}

for (const [name, shape] of Object.entries(shapes)) {
  blockDeviceConformance(`qcow2 with ${name}`, { make: (size) => make(size, shape) });
}

describe('an image under random load', () => {
  it.each(Object.entries(shapes))('has what was written, and again when it is opened: %s', async (_name, shape) => {
    const size = 3 * 2 ** 20 + 512;
    const keeper = new CrashFile();
    await createQcow2(keeper, { size, ...shape });
    const random = seededRandom(JSON.stringify(shape).length);
    const model = new DiskModel(size);
    for (let round = 0; round < 3; round++) {
      const open = await openWritableQcow2(keeper);
      for (let step = 0; step < 40; step++) {
        await Promise.all(
          Array.from({ length: 4 }, (_, lane) => randomOperation(open, model, random, { lane, lanes: 4 })),
        );
        if (step % 10 === 0) await open.flush();
      }
      await compareWithModel(open, model);
      await open.close();
    }
    const again = await openQcow2(keeper);
    await compareWithModel(again, model);
    await again.close();
  });
});
