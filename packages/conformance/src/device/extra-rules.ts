/** The optional fast paths: they give the same bytes as the calls of the device. */
import type { DeviceExtras } from '@nbdjs/interfaces';
import { seededRandom } from '../random.ts';
import type { Rule } from '../runner.ts';
import { check, equal, failureOf, filledWith, matches, sameBytes, until } from '../verify.ts';
import { randomBytes } from './bytes.ts';
import type { DeviceUnderTest } from './device-under-test.ts';

const names: readonly (keyof DeviceExtras)[] = ['memory', 'resizing', 'deferredReads', 'retainedWrites'];
const ranges = [
  [0, 1],
  [0, 300_000],
  [4095, 513],
  [299_000n, 5000],
] as const;
const outside = { code: 'ERR_NBD_OUT_OF_BOUNDS' };

export const extraRules: readonly Rule<DeviceUnderTest>[] = [
  {
    title: 'has the fast paths that the factory names, and no others',
    check({ device, extras }) {
      if (extras === undefined) return;
      for (const name of names) equal(device[name] !== undefined, extras.includes(name), `whether it has ${name}`);
    },
  },
  { title: 'reads the same into memory that it asks for late, if it can', check: deferredReads },
  { title: 'writes the same from memory that is lent for longer, and returns it, if it can', check: retainedWrites },
  { title: 'shows the same bytes in its memory as in its reads, if it has any', check: views },
  { title: 'keeps what is put into its memory as if it were written, if it has any', check: writableViews },
  { title: 'becomes longer and shorter, if it can', check: resizing },
];

async function deferredReads({ device, size }: DeviceUnderTest): Promise<void> {
  const { deferredReads: paths } = device;
  if (paths === undefined) return;
  await device.write(0, randomBytes(seededRandom(4), 300_000));
  for (const [offset, length] of ranges) {
    const expected = new Uint8Array(length);
    await device.read(offset, expected);
    const memory = new Uint8Array(length).fill(0xcc);
    let count = 0;
    const provide = (): Uint8Array => {
      count++;
      return memory;
    };
    await paths.readInto(offset, length, provide);
    equal(count, 1, 'the number of times that memory was asked for');
    sameBytes(memory, expected);
  }
  const beyond = await failureOf(() => paths.readInto(size, 1, () => new Uint8Array(1)));
  matches(beyond, outside);
}

async function retainedWrites({ device, size, forgets }: DeviceUnderTest): Promise<void> {
  const { retainedWrites: paths } = device;
  if (paths === undefined || device.abilities.readOnly) return;
  const random = seededRandom(6);
  const counts: number[] = [];
  const released = (index: number) => (): void => {
    counts[index] = (counts[index] ?? 0) + 1;
  };
  for (const [index, [offset, length]] of ranges.entries()) {
    const memory = randomBytes(random, length);
    counts.push(0);
    await paths.writeRetained(offset, memory, released(index));
    const bytes = new Uint8Array(length);
    await device.read(offset, bytes);
    if (!forgets) sameBytes(bytes, memory);
  }
  counts.push(0);
  const beyond = await failureOf(() => paths.writeRetained(size, new Uint8Array(1), released(ranges.length)));
  matches(beyond, outside);
  if (device.abilities.flush) await device.flush();
  else await device.close();
  await until(() => counts.every((count) => count > 0), 'the memory of all writes is returned');
  check(
    counts.every((count) => count === 1),
    'memory was returned more than once',
  );
}

async function views({ device, size }: DeviceUnderTest): Promise<void> {
  const { memory } = device;
  if (memory === undefined) return;
  await device.write(100_000, randomBytes(seededRandom(5), 100_000));
  for (let offset = 90_000; offset < 210_000; ) {
    const piece = memory.view(offset, 210_000 - offset);
    if (piece === undefined) return;
    const bytes = piece instanceof Uint8Array ? piece : new Uint8Array(piece.holeBytes);
    check(bytes.length > 0 && bytes.length <= 210_000 - offset, `a view of ${bytes.length} bytes at ${offset}`);
    const expected = new Uint8Array(bytes.length);
    await device.read(offset, expected);
    sameBytes(bytes, expected, `the view at ${offset}`);
    offset += bytes.length;
  }
  matches(await failureOf(() => memory.view(size, 1)), outside);
}

async function writableViews({ device, forgets }: DeviceUnderTest): Promise<void> {
  const { memory } = device;
  if (memory?.writableView === undefined || device.abilities.readOnly || forgets) return;
  const place = memory.writableView(8192, 512);
  if (place === undefined) return;
  equal(place.length, 512, 'the length of the view');
  place.fill(0x5a);
  const bytes = new Uint8Array(514);
  await device.read(8191, bytes);
  sameBytes(bytes, Uint8Array.of(0, ...new Uint8Array(512).fill(0x5a), 0));
}

async function resizing({ device, size, forgets }: DeviceUnderTest): Promise<void> {
  const { resizing: paths } = device;
  if (paths === undefined || forgets) return;
  await device.write(size - 512, new Uint8Array(512).fill(1));
  await paths.resize(size + 8192);
  equal(device.geometry.size, BigInt(size + 8192), 'the size after it became longer');
  const added = new Uint8Array(8192);
  await device.read(size, added);
  filledWith(added, 0, 'what was added');
  await paths.resize(size - 512);
  equal(device.geometry.size, BigInt(size - 512), 'the size after it became shorter');
  matches(await failureOf(() => device.read(size - 512, new Uint8Array(1))), outside);
  await paths.resize(BigInt(size));
  await device.read(size - 512, added.subarray(0, 512));
  filledWith(added, 0, 'what was cut off and added again');
}
