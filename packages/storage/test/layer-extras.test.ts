/** What each layer passes on of the fast paths of the device below, and that its geometry follows a resize. */
import type { BlockDevice, DeferredReads, DeviceExtras } from '@nbdjs/interfaces';
import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import {
  createAllocationDepthLayer,
  createBlockSizeLayer,
  createDelayLayer,
  createFaultLayer,
  createHoleLayer,
  createLogLayer,
  createMemoryDevice,
  createOverlayLayer,
  createRateLayer,
  createReadOnlyLayer,
  createRetryLayer,
  createSliceLayer,
} from '../src/index.ts';

const size = 65_536;
const clock = new VirtualClock();

/** A device with every fast path there is. */
function fullDevice(): BlockDevice {
  const device = createMemoryDevice({ size });
  const deferredReads: DeferredReads = {
    readInto: (offset, length, provide) => device.read(offset, provide().subarray(0, length)),
  };
  return Object.assign(device, { deferredReads });
}

const all = ['memory', 'resizing', 'deferredReads'] as const;

const layers: readonly [string, (device: BlockDevice) => BlockDevice, readonly (keyof DeviceExtras)[]][] = [
  ['read-only', createReadOnlyLayer, ['memory', 'deferredReads']],
  ['slice', (device) => createSliceLayer(device, { offset: 4096 }), ['memory', 'deferredReads']],
  ['overlay', (device) => createOverlayLayer(device), []],
  ['allocation depth', createAllocationDepthLayer, all],
  ['block size', (device) => createBlockSizeLayer(device, { minimumBlockSize: 512 }), ['resizing']],
  ['holes', (device) => createHoleLayer(device), ['resizing', 'deferredReads']],
  ['delay', (device) => createDelayLayer(device, { clock, delayMs: {} }), ['resizing', 'deferredReads']],
  ['rate', (device) => createRateLayer(device, { clock, bytesPerSecond: 2 ** 40 }), ['resizing', 'deferredReads']],
  ['retry', (device) => createRetryLayer(device, { clock }), ['resizing', 'deferredReads']],
  ['fault', (device) => createFaultLayer(device, { fail: () => undefined }), ['resizing', 'deferredReads']],
  ['log', (device) => createLogLayer(device, { clock, log: () => {} }), ['resizing', 'deferredReads']],
];

describe.each(layers)('a %s layer', (_, make, extras) => {
  it('passes on what it declares', () => {
    const device = make(fullDevice());
    expect(all.filter((name) => device[name] !== undefined)).toEqual(all.filter((name) => extras.includes(name)));
  });

  it('has none of what the device below lacks', () => {
    const plain: BlockDevice = createMemoryDevice({ size });
    Object.assign(plain, { memory: undefined, resizing: undefined });
    const device = make(plain);
    expect(all.filter((name) => device[name] !== undefined)).toEqual([]);
  });

  it('has the geometry of a device that was resized, if it passes resizing on', async () => {
    const device = make(fullDevice());
    const before = device.geometry;
    expect(device.geometry).toBe(before);
    if (device.resizing === undefined) return;
    await device.resizing.resize(2 * size);
    expect(device.geometry).toEqual({ ...before, size: BigInt(2 * size) });
    await device.write(2 * size - 512, new Uint8Array(512));
  });
});

it('a read-only layer shows memory, and gives no place to write to', () => {
  const { memory } = createReadOnlyLayer(fullDevice());
  expect(memory?.view(0, 10)).toBeDefined();
  expect(memory?.writableView).toBeUndefined();
});

it('a log layer reports deferred reads like others', async () => {
  const commands: string[] = [];
  const device = createLogLayer(fullDevice(), { clock, log: ({ command }) => commands.push(command) });
  await device.deferredReads?.readInto(0, 10, () => new Uint8Array(10));
  expect(commands).toEqual(['read']);
});
