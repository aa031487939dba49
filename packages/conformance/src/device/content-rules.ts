/** What a device keeps: bytes read back are the bytes that were written, and nothing else changes. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { seededRandom } from '../random.ts';
import type { Rule } from '../runner.ts';
import { filledWith, sameBytes } from '../verify.ts';
import { randomBytes, readAll } from './bytes.ts';
import type { DeviceUnderTest } from './device-under-test.ts';

const laneCount = 8;
const roundCount = 40;

export const contentRules: readonly Rule<DeviceUnderTest>[] = [
  {
    title: 'reads as zeroes at first',
    async check(subject) {
      filledWith(await readAll(subject), 0);
    },
  },
  {
    title: 'does what a model does, many requests at a time',
    async check(subject) {
      if (subject.forgets) return;
      const { device, size } = subject;
      const random = seededRandom(7);
      const model = new Uint8Array(size);
      const lanes = Array.from({ length: laneCount }, (_, index) => changeLane(device, model, index, random));
      await Promise.all(lanes);
      if (device.abilities.flush) await device.flush();
      sameBytes(await readAll(subject), model);
    },
  },
  { title: 'does not change bytes beside a changed range', check: neighbours },
];

/** Changes one part of the device and of the model; each lane keeps to its own part, so that the order among lanes does not matter. */
async function changeLane(device: BlockDevice, model: Uint8Array, index: number, random: () => number): Promise<void> {
  const laneBytes = Math.floor(model.length / laneCount);
  const { trim, writeZeroes, fua } = device.abilities;
  for (let round = 0; round < roundCount; round++) {
    const length = Math.floor(random() ** 3 * 60_000);
    const offset = index * laneBytes + Math.floor(random() * (laneBytes - length));
    const choice = random();
    if (choice < 0.45) {
      const source = randomBytes(random, length);
      model.set(source, offset);
      await device.write(offset, source, random() < 0.2 && fua ? { fua: true } : {});
    } else if (choice < 0.6 && writeZeroes && length > 0) {
      model.fill(0, offset, offset + length);
      await device.writeZeroes(offset, length, random() < 0.3 ? { noHole: true } : {});
    } else if (choice < 0.7 && trim && length > 0) {
      await device.trim(offset, length);
      // What was trimmed is undefined until it is written again.
      const source = randomBytes(random, length);
      model.set(source, offset);
      await device.write(offset, source);
    } else {
      const target = new Uint8Array(length);
      await device.read(offset, target);
      sameBytes(target, model.subarray(offset, offset + length));
    }
  }
}

async function neighbours(subject: DeviceUnderTest): Promise<void> {
  if (subject.forgets) return;
  const { device, size } = subject;
  const model = new Uint8Array(size).fill(0xaa);
  for (let offset = 0; offset < size; offset += 65_536) {
    await device.write(offset, model.subarray(offset, offset + 65_536));
  }
  await device.write(70_001, Uint8Array.of(1));
  model[70_001] = 1;
  if (device.abilities.writeZeroes) {
    await device.writeZeroes(130_001, 70_000);
    model.fill(0, 130_001, 200_001);
  }
  if (device.abilities.trim) {
    await device.trim(300_001, 70_000);
    await device.write(300_001, new Uint8Array(70_000).fill(0xbb));
    model.fill(0xbb, 300_001, 370_001);
  }
  sameBytes(await readAll(subject), model);
}
