/** What callers without a compiler are told about the options of devices and layers. */
import { UsageError } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import {
  createBlockSizeLayer,
  createDelayLayer,
  createFaultLayer,
  createLogLayer,
  createMemoryDevice,
  createNullDevice,
  createOverlayLayer,
  createRateLayer,
  createRetryLayer,
  createSliceLayer,
} from '../src/index.ts';

const bytes = 'a whole number of bytes from 0 on, as a number or a bigint';
const clock = { now: () => 0 };
const layers = {
  createBlockSizeLayer,
  createDelayLayer,
  createFaultLayer,
  createLogLayer,
  createOverlayLayer,
  createRateLayer,
  createRetryLayer,
  createSliceLayer,
};
const sources = { createMemoryDevice, createNullDevice };

describe('options', () => {
  it.each<[keyof typeof layers, unknown, string]>([
    ['createBlockSizeLayer', { minimumBlockSize: '512' }, "minimumBlockSize is '512', expected a number"],
    ['createDelayLayer', undefined, 'clock is missing, expected an object'],
    ['createDelayLayer', { clock }, 'delayMs is missing, expected an object'],
    ['createFaultLayer', {}, 'fail is missing, expected a function'],
    ['createLogLayer', { clock, log: 5 }, 'log is 5, expected a function'],
    ['createOverlayLayer', { stor: {} }, "unknown option 'stor' (did you mean 'store'?)"],
    ['createRateLayer', { clock }, 'bytesPerSecond is missing, expected a number'],
    ['createRetryLayer', { clock, retrie: 1 }, "unknown option 'retrie' (did you mean 'retries'?)"],
    ['createSliceLayer', {}, `offset is missing, expected ${bytes}`],
    ['createSliceLayer', { offset: 0.5 }, `offset is 0.5, expected ${bytes}`],
  ])('of %s cannot be %o', (name, given, message) => {
    const make = layers[name] as (device: unknown, options: unknown) => unknown;
    const call = () => make(createMemoryDevice({ size: 4096 }), given);
    expect(call).toThrow(UsageError);
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_NBD_ARGUMENT', message: `${name}: ${message}` }));
  });

  it.each<[keyof typeof sources, unknown, string]>([
    ['createMemoryDevice', {}, 'size is missing, expected a whole number of bytes, as a number or a bigint'],
    ['createNullDevice', { size: -1 }, `size is -1, expected ${bytes}`],
  ])('of %s cannot be %o', (name, given, message) => {
    const make = sources[name] as (options: unknown) => unknown;
    expect(() => make(given)).toThrow(
      expect.objectContaining({ code: 'ERR_NBD_ARGUMENT', message: `${name}: ${message}` }),
    );
  });
});
