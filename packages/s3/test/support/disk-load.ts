/** Random work on a disk beside a model of it. */
import { systemClock } from '@nbdjs/node';
import { createDisk, type ObjectStore, openDisk } from '@nbdjs/objects';

export interface DiskLoad {
  /** What is used, a store in trouble among others. */
  readonly store: ObjectStore;
  /** Called when the disk is closed; gives what is used to look at the result. */
  readonly calm: () => ObjectStore;
  readonly disk: string;
  readonly rounds: number;
  /** Numbers from 0 up to, not including, 1. */
  readonly random: () => number;
  /** Called after each write. */
  readonly onRound?: (round: number) => void;
}

const size = 8 * 2 ** 20;
const use = { clock: systemClock };

/** Numbers that are the same in each run. */
export function seededNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

/** Makes a disk, writes to it at random, and returns how many bytes differ from the model after it was closed. */
export async function differenceAfterLoad({
  store,
  calm,
  disk: name,
  rounds,
  random,
  onRound,
}: DiskLoad): Promise<number> {
  await createDisk(store, name, { ...use, size, objectBytes: 2 ** 18 });
  const disk = await openDisk(store, name, use);
  const model = new Uint8Array(size);
  for (let round = 0; round < rounds; round++) {
    const offset = Math.floor(random() * (size - 70_000));
    const part = new Uint8Array(1 + Math.floor(random() * 65_536)).fill(round + 1);
    model.set(part, offset);
    await disk.write(offset, part);
    if (round % 10 === 9) await disk.flush();
    onRound?.(round);
  }
  await disk.close();
  const again = await openDisk(calm(), name, { ...use, readOnly: true });
  const got = new Uint8Array(size);
  await again.read(0, got);
  await again.close();
  return got.reduce((count, byte, index) => count + (byte === model[index] ? 0 : 1), 0);
}
