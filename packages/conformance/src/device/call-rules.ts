/** How a device treats any call: bounds, numbers and bigints, signals, calls after it was closed. */
import type { Rule } from '../runner.ts';
import { check, equal, failureOf, filledWith, matches, sameBytes, wait } from '../verify.ts';
import type { DeviceUnderTest } from './device-under-test.ts';

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value));

export const callRules: readonly Rule<DeviceUnderTest>[] = [
  {
    title: 'has a consistent geometry',
    check({ device, size }) {
      const { minimumBlockSize, preferredBlockSize, maximumBlockSize } = device.geometry;
      equal(device.geometry.size, BigInt(size), 'the size');
      check(isPowerOfTwo(minimumBlockSize), `the minimum block size ${minimumBlockSize} is not a power of two`);
      check(preferredBlockSize >= minimumBlockSize, 'the preferred block size is below the minimum');
      check(maximumBlockSize >= preferredBlockSize, 'the maximum block size is below the preferred');
    },
  },
  {
    title: 'refuses ranges outside of it, and changes nothing',
    async check({ device, size }) {
      const bytes = new Uint8Array(1024).fill(1);
      const outside = { code: 'ERR_NBD_OUT_OF_BOUNDS' };
      matches(await failureOf(() => device.read(size - 1023, bytes)), outside);
      matches(await failureOf(() => device.read(-1, bytes)), outside);
      matches(await failureOf(() => device.write(BigInt(size), bytes)), outside);
      matches(await failureOf(() => device.read(2n ** 63n - 1n, bytes)), outside);
      matches(await failureOf(() => device.read(1.5, bytes)), { code: 'ERR_NBD_ARGUMENT' });
      filledWith(bytes, 1, "the caller's memory");
    },
  },
  {
    title: 'takes numbers and bigints',
    async check({ device, forgets }) {
      const source = Uint8Array.of(1, 2, 3);
      await device.write(10n, source);
      const target = new Uint8Array(3);
      await device.read(10, target);
      if (!forgets) sameBytes(target, source);
    },
  },
  {
    title: 'accepts calls of no bytes',
    async check({ device, size }) {
      await device.read(0, new Uint8Array(0));
      await device.read(size, new Uint8Array(0));
      await device.write(size, new Uint8Array(0));
    },
  },
  {
    title: 'rejects with the reason of a signal that is aborted already, and changes nothing',
    async check({ device }) {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      const target = new Uint8Array(16).fill(9);
      equal(await failureOf(() => device.read(0, target, { signal })), reason, 'the failure of the read');
      equal(await failureOf(() => device.write(0, new Uint8Array(16), { signal })), reason, 'the failure of the write');
      filledWith(target, 9, "the caller's memory");
    },
  },
  {
    title: 'does not touch memory after a call was abandoned',
    async check({ device }) {
      const abort = new AbortController();
      const target = new Uint8Array(512 * 1024);
      const reading = (async () => await device.read(0, target, { signal: abort.signal }))();
      abort.abort(new Error('enough'));
      await reading.catch(() => {});
      target.fill(7);
      await device.read(0, new Uint8Array(1));
      await wait(20);
      filledWith(target, 7, "the caller's memory");
    },
  },
  {
    title: 'is closed any number of times, and refuses calls afterwards',
    async check({ device }) {
      await device.close();
      await device.close();
      const closed = { code: 'ERR_NBD_CLOSED' };
      matches(await failureOf(() => device.read(0, new Uint8Array(1))), closed);
      matches(await failureOf(() => device.write(0, new Uint8Array(1))), closed);
    },
  },
];
