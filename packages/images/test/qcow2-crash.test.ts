/**
 * A crash at any moment: of what was not flushed, any part may be lost, down to sectors. The image has to be valid, and to have all that was
 * flushed. `NBDJS_LONG=1` tries every step of 10,000 changes; without it, some steps of a few are tried.
 */
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { checkQcow2, openQcow2, openWritableQcow2, type Qcow2Shape } from '../src/qcow2/index.ts';
import { createQcow2 } from '../src/qcow2/write/create-qcow2.ts';
import { CrashedFile, CrashFile } from './support/crash-file.ts';
import { CrashModel } from './support/crash-model.ts';

const isLong = process.env.NBDJS_LONG === '1';
const changes = isLong ? 10_000 : 100;
const crashes = isLong ? 3000 : 14;
/** Enough for a refcount table of two clusters, where these are the smallest. */
const size = 2 ** 21 + 2 ** 19 + 512;
const sectors = size / 512;
const belowSectors = sectors - 5;

const shapes: Readonly<Record<string, Omit<Qcow2Shape, 'size'>>> = {
  'clusters of 512 bytes': { clusterBytes: 512 },
  'clusters of 4 KiB, version 2, refcounts of 16 bits': { clusterBytes: 4096, version: '2' },
  'clusters of 4 KiB, over another disk': { clusterBytes: 4096, backing: 'below', backingFormat: 'raw' },
  'clusters of 64 KiB': {},
  'subclusters, over another disk': { clusterBytes: 16_384, extendedL2: true, backing: 'below', backingFormat: 'raw' },
  'refcounts of 64 bits': { clusterBytes: 512, refcountBits: 64 },
  'lazy refcounts': { clusterBytes: 1024, lazyRefcounts: true },
};

function resolve() {
  const below = createMemoryDevice({ size: belowSectors * 512 });
  below.write(0, new Uint8Array(belowSectors * 512).fill(200));
  return below;
}

async function load(model: CrashModel, random: () => number, flush: () => void | Promise<void>): Promise<void> {
  for (let done = 0; done < changes; done += 4) {
    const lane = Math.floor(sectors / 4);
    await Promise.all(
      [0, 1, 2, 3].map((index) => {
        const count = 1 + Math.floor(random() ** 3 * lane * 0.4);
        const sector = index * lane + Math.floor(random() * (lane - count));
        const kind = random();
        if (kind < 0.7) return model.write(sector, count, 1 + Math.floor(random() * 255));
        return kind < 0.85 ? model.zero(sector, count, random() < 0.3) : model.trim(sector, count);
      }),
    );
    if (random() < 0.3) await model.flush(flush);
  }
}

describe('an image after a crash', () => {
  it.each(Object.entries(shapes))(
    'is valid, and has what was flushed: %s',
    { tags: ['slow'], ...(isLong ? { timeout: 3_600_000 } : {}) },
    async (name, shape) => {
      const random = seededRandom(name.length * 7919);
      const file = new CrashFile();
      await createQcow2(file, { size, ...shape });
      const first = await file.bytes();
      file.steps.length = 0;
      const open = () => openWritableQcow2(file, { resolve, cacheBytes: 65_536 });
      let device = await open();
      const start = new Uint8Array(sectors);
      if (shape.backing !== undefined) start.fill(200, 0, belowSectors);
      const model = new CrashModel(file, start, () => device);
      await load(model, random, () => device.flush());
      await model.flush(() => device.close());
      device = await open();
      await load(model, random, () => device.flush());
      await model.flush(() => device.close());
      const steps = file.steps.slice();
      const share = crashes / steps.length;
      const crashed = new CrashedFile(first);
      let tried = 0;
      await model.replay(steps, () => random() < share, {
        add: (step) => crashed.add(step),
        async check(step, firstWrong) {
          tried++;
          const after = await CrashFile.of(crashed.after(random));
          const where = `after step ${step} of ${steps.length}`;
          const found = await checkQcow2(after);
          if (shape.lazyRefcounts !== true) {
            expect(
              found.findings.filter((one) => one.kind === 'corruption'),
              where,
            ).toEqual([]);
          } else expect(await checkQcow2(after, { repair: 'all' }), where).toMatchObject({ corruptions: 0, leaks: 0 });
          const reading = await openQcow2(after, { resolve });
          expect(await firstWrong(reading), `the first wrong byte ${where}`).toBe(-1);
          await reading.close();
          const writing = await openWritableQcow2(after, { resolve });
          await writing.write(512, new Uint8Array(5000).fill(7));
          await writing.close();
          expect(await checkQcow2(after), where).toMatchObject({ corruptions: 0 });
        },
      });
      expect(tried).toBeGreaterThan(crashes / 3);
    },
  );
});
