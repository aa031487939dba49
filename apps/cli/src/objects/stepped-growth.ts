/** Gives a disk room for a stream whose length is not known. */
import type { BlockDevice } from '@nbdjs/interfaces';

export interface SteppedGrowth {
  /** Makes the disk longer where it is too short for so many bytes. */
  readonly grow: (size: bigint) => Promise<void>;
  /** Gives it the size that it is to have in the end, when all is written. */
  readonly settleSize: (size: bigint) => Promise<void>;
}

const firstBytes = 2n ** 30n;

/**
 * A change of the size is a flush and a new manifest, so that the disk gets twice the room each time. What is not written needs no space in the
 * store. A copy that fails leaves it longer than what was copied.
 */
export function growInSteps({ resizing }: Pick<BlockDevice, 'resizing'>): SteppedGrowth {
  let room = 0n;
  const resize = async (size: bigint): Promise<void> => {
    room = size;
    await resizing?.resize(size);
  };
  return {
    async grow(size) {
      if (size <= room) return;
      const twice = 2n * size;
      await resize(twice > firstBytes ? twice : firstBytes);
    },
    settleSize: resize,
  };
}
