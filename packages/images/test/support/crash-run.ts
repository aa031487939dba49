/** Changes an image at random, and cuts the power after its writes: each image that may be left is judged. */
import { deepEqual, equal } from 'node:assert/strict';
import type { BlockDevice } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { checkQcow2, openQcow2, openWritableQcow2, type Qcow2Shape } from '../../src/qcow2/index.ts';
import { createQcow2 } from '../../src/qcow2/write/create-qcow2.ts';
import { CrashedFile, CrashFile, ReadableImage, type Step } from './crash-file.ts';
import { CrashModel } from './crash-model.ts';

/** What is changed and cut. */
export interface CrashRun {
  readonly name: string;
  readonly shape: Omit<Qcow2Shape, 'size'>;
  /** The disk. */
  readonly bytes: number;
  /** Writes, zeroes and trims, in two lives of the device. */
  readonly changes: number;
  /** How many of the steps are followed by a cut, 0 to 1. */
  readonly cutShare: number;
  /** Judges an image after a cut, besides what is judged here. */
  readonly judge?: (image: Uint8Array, where: string) => Promise<void>;
}

/** What was done. */
export interface CrashFigures {
  readonly changes: number;
  readonly steps: number;
  readonly cuts: number;
}

export const crashShapes: Readonly<Record<string, Pick<CrashRun, 'shape' | 'bytes'>>> = {
  'clusters of 512 bytes': { bytes: 655_872, shape: { clusterBytes: 512 } },
  'clusters of 4 KiB, version 2, refcounts of 16 bits': {
    bytes: 655_872,
    shape: { clusterBytes: 4096, version: '2' },
  },
  'clusters of 4 KiB, over another disk': {
    bytes: 655_872,
    shape: { clusterBytes: 4096, backing: 'below', backingFormat: 'raw' },
  },
  'clusters of 64 KiB': { bytes: 2_622_464, shape: {} },
  'subclusters, over another disk': {
    bytes: 1_311_232,
    shape: { clusterBytes: 16_384, extendedL2: true, backing: 'below', backingFormat: 'raw' },
  },
  // Large enough for a refcount table of two clusters.
  'refcounts of 64 bits': { bytes: 2_622_464, shape: { clusterBytes: 512, refcountBits: 64 } },
  'lazy refcounts': { bytes: 655_872, shape: { clusterBytes: 1024, lazyRefcounts: true } },
};

/** The disk below ends before the disk does. */
const belowValue = 200;
const missingSectors = 5;
/** Steps are judged when so many changes were made, and forgotten. */
const changesAtATime = 200;
/** After one cut of so many, the image is written to, and judged again. */
const cutsPerWriting = 8;

/** The disk that the images here are over. */
export function diskBelow(bytes: number): Uint8Array {
  return new Uint8Array(bytes - missingSectors * 512).fill(belowValue);
}

/**
 * @returns what was done
 * @throws AssertionError when an image is damaged, or lacks what was flushed
 */
export async function runCrashes(run: CrashRun): Promise<CrashFigures> {
  const { name, shape, bytes, changes } = run;
  const random = seededRandom(name.length * 7919);
  const file = new CrashFile();
  await createQcow2(file, { size: bytes, ...shape });
  const judge = new CutJudge(run, await file.bytes(), random);
  file.steps.length = 0;
  const start = new Uint8Array(bytes / 512);
  if (shape.backing !== undefined) start.fill(belowValue, 0, start.length - missingSectors);
  let device: BlockDevice;
  const model = new CrashModel(file, start, () => device);
  for (let life = 0; life < 2; life++) {
    device = await openWritableQcow2(file, { resolve: judge.resolve, cacheBytes: 65_536 });
    for (let left = changes / 2; left > 0; left -= changesAtATime) {
      await load(model, start.length, Math.min(changesAtATime, left), random, () => device.flush());
      await judge.replay(model, file.steps.splice(0));
    }
    await model.flush(() => device.close());
    await judge.replay(model, file.steps.splice(0));
  }
  return { changes, steps: judge.steps, cuts: judge.cuts };
}

async function load(
  model: CrashModel,
  sectors: number,
  changes: number,
  random: () => number,
  flush: () => void | Promise<void>,
): Promise<void> {
  const lane = Math.floor(sectors / 4);
  for (let done = 0; done < changes; done += 4) {
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

class CutJudge {
  readonly #run: CrashRun;
  readonly #random: () => number;
  readonly #crashed: CrashedFile;
  readonly #below: Uint8Array;
  steps = 0;
  cuts = 0;

  constructor(run: CrashRun, first: Uint8Array, random: () => number) {
    this.#run = run;
    this.#random = random;
    this.#crashed = new CrashedFile(first);
    this.#below = diskBelow(run.bytes);
  }

  readonly resolve = (): BlockDevice => {
    const device = createMemoryDevice({ size: this.#below.length });
    device.write(0, this.#below);
    return device;
  };

  /** Plays steps again, and cuts the power after some of them. */
  async replay(model: CrashModel, steps: readonly Step[]): Promise<void> {
    const wanted = () => this.#random() < this.#run.cutShare;
    await model.replay(steps, wanted, {
      add: (step) => {
        this.steps++;
        this.#crashed.add(step);
      },
      check: (firstWrong) => this.#cut(firstWrong),
    });
  }

  async #cut(firstWrong: (device: BlockDevice) => Promise<number>): Promise<void> {
    this.cuts++;
    await this.#crashed.after(this.#random, ({ bytes }) => this.#judge(bytes, firstWrong));
  }

  async #judge(image: Uint8Array, firstWrong: (device: BlockDevice) => Promise<number>): Promise<void> {
    const where = `after step ${this.steps}`;
    await this.#run.judge?.(image, where);
    const isLazy = this.#run.shape.lazyRefcounts === true;
    const isWritten = this.cuts % cutsPerWriting === 0;
    const after = isLazy || isWritten ? await CrashFile.of(image) : new ReadableImage(image);
    const found = await checkQcow2(after, isLazy ? { repair: 'all' } : {});
    const corruptions = found.findings.filter((one) => one.kind === 'corruption' && !one.isRepaired);
    deepEqual(corruptions, [], where);
    const reading = await openQcow2(after, { resolve: this.resolve });
    equal(await firstWrong(reading), -1, `the first wrong byte ${where}`);
    await reading.close();
    if (!isWritten) return;
    const writing = await openWritableQcow2(after, { resolve: this.resolve });
    await writing.write(512, new Uint8Array(5000).fill(7));
    await writing.close();
    equal((await checkQcow2(after)).corruptions, 0, `written to ${where}`);
  }
}
