import { VirtualClock } from '@nbdjs/testkit';
import { beforeEach, expect, it } from 'vitest';
import { InlineWrites } from './inline-writes.ts';

let clock: VirtualClock;
let writes: InlineWrites;

beforeEach(() => {
  clock = new VirtualClock();
  writes = new InlineWrites(clock);
});

/** A write that takes this many milliseconds. */
async function write(milliseconds: number): Promise<void> {
  const ended: { time: number }[] = [];
  const original = clock.now.bind(clock);
  const start = original();
  // The clock does not advance within a synchronous call unless the test advances it.
  clock.now = () => (ended.length > 0 ? start + milliseconds : original());
  writes.run(() => ended.push({ time: milliseconds }));
  clock.now = original;
  await clock.advance(milliseconds);
}

it('tries whole pages only, and not too many', () => {
  expect(writes.mayTry(0, 4096)).toBe(true);
  expect(writes.mayTry(2 ** 40, 65_536)).toBe(true);
  expect(writes.mayTry(512, 4096)).toBe(false);
  expect(writes.mayTry(4096, 512)).toBe(false);
  expect(writes.mayTry(0, 2 ** 20 + 4096)).toBe(false);
});

it('goes on while writes are quick', async () => {
  for (let count = 0; count < 10; count++) await write(4);
  expect(writes.mayTry(0, 4096)).toBe(true);
});

it('leaves writing to threads after a slow one, each time for longer', async () => {
  for (const pauseMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
    await write(6);
    await clock.advance(pauseMs - 7);
    expect(writes.mayTry(0, 4096)).toBe(false);
    await clock.advance(7);
    expect(writes.mayTry(0, 4096)).toBe(true);
  }
  await write(1);
  await write(6);
  await clock.advance(1000);
  expect(writes.mayTry(0, 4096)).toBe(true);
});

it('passes on what the write returns or throws', () => {
  expect(writes.run(() => 7)).toBe(7);
  expect(() =>
    writes.run(() => {
      throw new Error('full');
    }),
  ).toThrow('full');
});
