/** The device keeps the rules of the seam `BlockDevice`, over stores that answer at once and over slow ones. */
import { blockDeviceConformance, seededRandom, VirtualClock } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { createDisk, createMemoryStore, openDisk } from '../src/index.ts';

for (const objectBytes of [2 ** 16, 2 ** 18, 2 ** 22]) {
  blockDeviceConformance(`objects of ${objectBytes} bytes`, {
    async make(size) {
      const clock = new VirtualClock();
      const store = createMemoryStore();
      await createDisk(store, 'disk', { clock, size, objectBytes });
      return openDisk(store, 'disk', { clock });
    },
    extras: ['resizing'],
  });
}

it('keeps bytes over closing and opening, with little memory', { tags: ['slow'] }, async () => {
  const clock = new VirtualClock();
  const store = createMemoryStore();
  const size = 3_000_000;
  await createDisk(store, 'disk', { clock, size, objectBytes: 65_536 });
  const random = seededRandom(5);
  const model = new Uint8Array(size);
  for (let round = 0; round < 5; round++) {
    const disk = await openDisk(store, 'disk', { clock, dirtyBytes: 131_072, cacheBytes: 131_072 });
    for (let step = 0; step < 100; step++) {
      const length = Math.floor(random() ** 4 * 400_000);
      const offset = Math.floor(random() * (size - length));
      const choice = random();
      if (choice < 0.5) {
        const source = Uint8Array.from({ length }, () => Math.floor(random() * 256));
        model.set(source, offset);
        await disk.write(offset, source);
      } else if (choice < 0.7) {
        model.fill(0, offset, offset + length);
        await disk.writeZeroes(offset, length);
      } else {
        const target = new Uint8Array(length);
        await disk.read(offset, target);
        expect(Buffer.compare(target, model.subarray(offset, offset + length))).toBe(0);
      }
      expect(disk.figures.dirtyBytes).toBeLessThanOrEqual(131_072);
      expect(disk.figures.cachedBytes).toBeLessThanOrEqual(131_072);
    }
    await disk.flush();
    expect(disk.figures.dirtyBytes).toBe(0);
    await disk.close();
    expect(clock.pending).toBe(0);
  }
});
