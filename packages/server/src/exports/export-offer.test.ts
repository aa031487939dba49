import type { BlockDevice } from '@nbdjs/interfaces';
import { faultOfBlockSizes, TransmissionFlag } from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import { describe, expect, it } from 'vitest';
import { offerOf } from './export-offer.ts';

const mebi = 2 ** 20;
const memory = createMemoryDevice({ size: 4 * mebi });

function device(
  geometry: Partial<BlockDevice['geometry']>,
  abilities: Partial<BlockDevice['abilities']> = {},
): BlockDevice {
  const { read, write, flush, trim, writeZeroes, cache, blockStatus, close } = memory;
  const calls = { read, write, flush, trim, writeZeroes, cache, blockStatus, close };
  return { ...calls, geometry: { ...memory.geometry, ...geometry }, abilities: { ...memory.abilities, ...abilities } };
}

describe('what is offered', () => {
  it.each([
    [{ minimumBlockSize: 1, preferredBlockSize: 1, maximumBlockSize: 2 ** 30 }, [1, 512, 32 * mebi]],
    [{ minimumBlockSize: 4096, preferredBlockSize: 512, maximumBlockSize: 10_000 }, [4096, 4096, 8192]],
    [{ minimumBlockSize: 65_536, preferredBlockSize: 65_536, maximumBlockSize: 65_536 }, [65_536, 65_536, 65_536]],
  ])('S13: block sizes of %j are such as clients accept', (geometry, expected) => {
    const { blockSizes } = offerOf({ device: device(geometry) }, 32 * mebi);
    expect([blockSizes?.minimum, blockSizes?.preferred, blockSizes?.maximum]).toEqual(expected);
    if (blockSizes !== undefined) expect(faultOfBlockSizes(blockSizes)).toBeUndefined();
  });

  it('A12: S13: larger blocks than there may be are not told, where the device makes requests fit', () => {
    const geometry = { minimumBlockSize: 2 * mebi, preferredBlockSize: 2 * mebi };
    const { blockSizes } = offerOf({ device: { ...device(geometry), takesAnyRange: true } }, 32 * mebi);
    expect([blockSizes?.minimum, blockSizes?.preferred]).toEqual([65_536, 2 * mebi]);
  });

  it('S17: flags for what the device can do, and for nothing else', () => {
    const {
      SendFlush,
      SendFua,
      SendTrim,
      SendWriteZeroes,
      SendFastZero,
      SendCache,
      CanMultiConn,
      ReadOnly,
      Rotational,
    } = TransmissionFlag;
    const flags = (one: BlockDevice, more: object = {}) => offerOf({ device: one, ...more }, mebi).transmissionFlags;
    expect(flags(memory)).toBe(
      SendFlush | SendFua | SendTrim | SendWriteZeroes | SendFastZero | SendCache | CanMultiConn,
    );
    expect(flags(memory, { readOnly: true, multiConn: false })).toBe(ReadOnly | SendFlush | SendFua | SendCache);
    const poor = {
      flush: false,
      fua: false,
      trim: false,
      writeZeroes: false,
      fastZero: false,
      cache: false,
      rotational: true,
    };
    expect(flags(device({}, poor))).toBe(CanMultiConn | Rotational);
    // A flush behind each write will do.
    expect(flags(device({}, { ...poor, flush: true })) & SendFua).toBe(SendFua);
  });

  it('no more than NBD can say', () => {
    expect(() => offerOf({ device: device({ size: 2n ** 63n }) }, mebi)).toThrow(/9223372036854775808/);
  });
});
