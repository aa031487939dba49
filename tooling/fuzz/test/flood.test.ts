/**
 * Real sockets, for a few seconds: honest clients get on with it, every byte of theirs is right, and nothing is left over.
 *
 * @module-tag slow
 */
import { describe, expect, it } from 'vitest';
import { describeFlood, flood, openFilesMax } from '../src/flood.ts';

const mebi = 2 ** 20;
const count = Math.min(1, openFilesMax() / 4000);

describe('a server under attack', () => {
  it.each([
    ['slow', { slow: Math.floor(1000 * count) }],
    ['unread', { unread: Math.floor(500 * count) }],
    ['connect', { connect: 1000 }],
    ['all together', { slow: Math.floor(1000 * count), unread: Math.floor(500 * count), connect: 1000 }],
  ])(
    '%s: honest clients are served, memory is bounded, and all of it is freed',
    async (name, attack) => {
      // How much they get done is printed, and not judged: that is as much a matter of the machine.
      const result = await flood({ attack, seconds: 2 });
      console.log(describeFlood(name, result));
      expect(result.attackedPerSecond).toBeGreaterThan(0);
      expect(result.grownBytes).toBeLessThan(512 * mebi);
      const { leftSessions, leftBytes, leftDescriptors, leftTimers } = result;
      expect({ leftSessions, leftBytes, leftDescriptors, leftTimers }).toEqual({
        leftSessions: 0,
        leftBytes: 0,
        leftDescriptors: 0,
        leftTimers: 0,
      });
    },
    90_000,
  );
});
