/** What a device reports about its content: extents of `base:allocation`, and the pieces in which a read arrived. */
import { AllocationStatus, baseAllocation, type Extent } from '@nbdjs/interfaces';
import type { Rule } from '../runner.ts';
import { check, equal, filledWith } from '../verify.ts';
import { readAll } from './bytes.ts';
import type { DeviceUnderTest } from './device-under-test.ts';

const answersMax = 1000;

export const statusRules: readonly Rule<DeviceUnderTest>[] = [
  {
    title: 'reports extents that agree with its content',
    async check(subject) {
      const { device, size } = subject;
      if (!device.abilities.contexts.includes(baseAllocation)) return;
      await device.write(300_000, new Uint8Array(100_000).fill(1));
      const bytes = await readAll(subject);
      const end = BigInt(size) - 1n;
      let position = 100n;
      for (let round = 0; position < end && round < answersMax; round++) {
        const [answer] = await device.blockStatus(position, end - position, { contexts: [baseAllocation] });
        equal(answer?.context, baseAllocation, 'the context of the answer');
        check((answer?.extents.length ?? 0) > 0, 'the answer has no extent');
        for (const extent of answer?.extents ?? []) position = checkExtent(extent, position, end, bytes);
      }
      equal(position, end, 'the end of all extents');
      const [one] = await device.blockStatus(0, size, { contexts: [baseAllocation], one: true });
      equal(one?.extents.length, 1, 'the number of extents when one was asked for');
    },
  },
  {
    title: 'reports the pieces of a read, each once',
    async check({ device }) {
      const covered = new Uint8Array(100_000);
      let calls = 0;
      await device.read(50_000, new Uint8Array(100_000), {
        onChunk: ({ position, length }) => {
          calls++;
          for (let index = position; index < position + length; index++) covered[index] = (covered[index] ?? 0) + 1;
        },
      });
      if (calls > 0) filledWith(covered, 1, 'the count of pieces at each byte');
    },
  },
];

/** Returns where the extent ends. */
function checkExtent({ offset, length, status }: Extent, start: bigint, end: bigint, bytes: Uint8Array): bigint {
  equal(offset, start, 'the start of the extent');
  check(length > 0n, `the extent at ${offset} is empty`);
  check(offset + length <= end, `the extent at ${offset} ends behind the range that was asked for`);
  if (Number(status) & AllocationStatus.Zero) {
    filledWith(bytes.subarray(Number(offset), Number(offset + length)), 0, 'an extent with the status zero');
  }
  return offset + length;
}
