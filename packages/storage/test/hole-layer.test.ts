import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import {
  createHoleLayer,
  createLogLayer,
  createMemoryDevice,
  createReadOnlyLayer,
  type HoleOptions,
} from '../src/index.ts';

const size = 65_536;
const zeroes = new Uint8Array(4096);
const data = new Uint8Array(4096).fill(7);

/** A layer, and what it calls of the device below: commands with offset, length and whether the range is to stay allocated. */
function layered(options?: HoleOptions) {
  const memory = createMemoryDevice({ size });
  const calls: unknown[] = [];
  const logged = createLogLayer(memory, {
    clock: new VirtualClock(),
    log: ({ command, offset, length, options: given }) => {
      const { fua, noHole } = { fua: false, noHole: false, ...given };
      calls.push([command, Number(offset), Number(length), fua, noHole]);
    },
  });
  return { device: createHoleLayer(logged, options), calls };
}

describe('the layer of holes', () => {
  it('changes nothing by itself', async () => {
    const { device, calls } = layered();
    await device.write(0, zeroes);
    await device.trim(4096, 4096);
    await device.writeZeroes(8192, 4096);
    expect(calls).toEqual([
      ['write', 0, 4096, false, false],
      ['trim', 4096, 4096, false, false],
      ['writeZeroes', 8192, 4096, false, false],
    ]);
  });

  it.each([
    ['zeroed', true],
    ['hole', false],
  ] as const)('zeroes what is written as zeroes: %s', async (writtenZeroes, noHole) => {
    const { device, calls } = layered({ writtenZeroes });
    await device.write(0, data);
    await device.write(0, zeroes, { fua: true });
    await device.write(4095, new Uint8Array(0));
    expect(calls).toEqual([
      ['write', 0, 4096, false, false],
      ['writeZeroes', 0, 4096, true, noHole],
      ['write', 4095, 0, false, false],
    ]);
    const read = new Uint8Array(4096).fill(1);
    await device.read(0, read);
    expect(read).toEqual(zeroes);
  });

  it('makes no hole where none is wanted, and still refuses what is outside', async () => {
    const { device, calls } = layered({ holes: false, writtenZeroes: 'zeroed' });
    await device.write(0, data);
    await device.trim(0, 4096);
    await device.writeZeroes(8192, 4096, { noHole: false });
    expect(calls).toEqual([
      ['write', 0, 4096, false, false],
      ['writeZeroes', 8192, 4096, false, true],
    ]);
    await expect(async () => device.trim(size, 1)).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    const read = new Uint8Array(4096);
    await device.read(0, read);
    expect(read).toEqual(data);
  });

  it('leaves alone what cannot be zeroed, and refuses what contradicts itself', async () => {
    const device = createHoleLayer(createReadOnlyLayer(createMemoryDevice({ size })), { writtenZeroes: 'hole' });
    await expect(async () => device.write(0, zeroes)).rejects.toThrow('read-only');
    expect(() => layered({ holes: false, writtenZeroes: 'hole' })).toThrow('cannot become holes');
  });
});
