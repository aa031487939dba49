/** Devices over blobs: what is read, how much at a time, and what goes wrong. */
import { baseAllocation, UsageError } from '@nbdjs/interfaces';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { type BlobDeviceOptions, type BlobLike, createBlobDevice } from '../src/blob/index.ts';
import { createOverlayLayer } from '../src/layers/index.ts';

blockDeviceConformance('overlay over a blob', {
  extras: [],
  make: async (size) => createOverlayLayer(createBlobDevice(new Blob([new Uint8Array(size)]))),
});

const ruler = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, index) => (index * 7) & 0xff);

/** A blob whose slices arrive when the test says so. */
function slowBlob(size: number) {
  const bytes = ruler(size);
  const waiting: (() => void)[] = [];
  let most = 0;
  const blob: BlobLike = {
    size,
    name: 'disk.img',
    slice: (start, end) => ({
      async arrayBuffer() {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          most = Math.max(most, waiting.length);
        });
        return bytes.slice(start, end).buffer;
      },
    }),
  };
  const answer = async (): Promise<void> => {
    for (const resolve of waiting.splice(0)) resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { blob, waiting, answer, most: () => most };
}

describe('a blob as a device', () => {
  it('reads what the blob has, into the memory of the caller', async () => {
    const bytes = ruler(3_500_000);
    const device = createBlobDevice(new Blob([bytes]));
    expect(device.geometry.size).toBe(3_500_000n);
    for (const [offset, length] of [
      [0, 3_500_000],
      [1_048_575, 2],
      [3_499_999, 1],
    ] as const) {
      const target = new Uint8Array(length);
      await device.read(offset, target);
      expect(Buffer.compare(target, bytes.subarray(offset, offset + length)), `at ${offset}`).toBe(0);
    }
    await device.close();
  });

  it('is read-only, and all data', async () => {
    const device = createBlobDevice(new Blob([ruler(1000)]));
    expect(device.abilities).toMatchObject({ readOnly: true, writeZeroes: false, trim: false });
    expect(() => device.write(0, new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'ERR_NBD_READ_ONLY' }));
    const [status] = await device.blockStatus(100, 900);
    expect(status).toEqual({ context: baseAllocation, extents: [{ offset: 100n, length: 900n, status: 0n }] });
  });

  it('reads a limited number of slices at a time', async () => {
    const { blob, waiting, answer, most } = slowBlob(10 * 2 ** 20);
    const device = createBlobDevice(blob, { slicesMax: 3 });
    const whole = new Uint8Array(7 * 2 ** 20);
    const reads = [device.read(0, whole), device.read(5, new Uint8Array(10))];
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting).toHaveLength(3);
    for (let round = 0; round < 4; round++) await answer();
    await Promise.all(reads);
    expect(most()).toBe(3);
    expect(Buffer.compare(whole, ruler(10 * 2 ** 20).subarray(0, whole.length))).toBe(0);
  });

  it('rejects an abandoned read at once, and never touches its memory again', async () => {
    const { blob, answer } = slowBlob(1000);
    const device = createBlobDevice(blob);
    const abort = new AbortController();
    const target = new Uint8Array(100).fill(9);
    const reading = device.read(0, target, { signal: abort.signal });
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await answer();
    expect(target).toEqual(new Uint8Array(100).fill(9));
  });

  it('is closed when no read is under way', async () => {
    const { blob, answer } = slowBlob(1000);
    const device = createBlobDevice(blob);
    const target = new Uint8Array(10);
    const reading = device.read(3, target);
    let isClosed = false;
    const closing = device.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    await answer();
    await closing;
    expect(Buffer.compare(target, ruler(13).subarray(3))).toBe(0);
    await reading;
  });

  it('fails reads that the browser refuses, or that come short', async () => {
    const refuse = async (): Promise<ArrayBuffer> => {
      throw new DOMException('the file has changed', 'NotReadableError');
    };
    const changed = createBlobDevice({ size: 10, name: 'disk.img', slice: () => ({ arrayBuffer: refuse }) });
    await expect(changed.read(4, new Uint8Array(2))).rejects.toMatchObject({
      name: 'CommandError',
      code: 'EIO',
      message: 'reading disk.img at 4 failed: NotReadableError: the file has changed',
    });
    const short = createBlobDevice({ size: 10, slice: () => ({ arrayBuffer: async () => new ArrayBuffer(1) }) });
    await expect(short.read(0, new Uint8Array(2))).rejects.toThrow('reading the blob at 0 gave 1 of 2 bytes');
  });

  it.each([
    [undefined, {}, 'createBlobDevice: the blob is undefined, expected a Blob or a File'],
    ['disk.img', {}, "createBlobDevice: the blob is 'disk.img', expected a Blob or a File"],
    [new Blob([]), { slicesMax: 0 }, 'createBlobDevice: slicesMax is 0, expected a whole number from 1 on'],
    [new Blob([]), { sliceMax: 1 }, "createBlobDevice: unknown option 'sliceMax' (did you mean 'slicesMax'?)"],
  ])('refuses %j with %j', (blob, options, message) => {
    expect(() => createBlobDevice(blob as Blob, options as BlobDeviceOptions)).toThrow(
      new UsageError('ERR_NBD_ARGUMENT', message),
    );
  });
});
