/** A small device of one array, which a test breaks in one place. */
import { AllocationStatus, type BlockDevice, baseAllocation, type Offset, UsageError } from '@nbdjs/interfaces';

export function createArrayDevice(size: number): BlockDevice {
  const bytes = new Uint8Array(size);
  let isClosed = false;

  function range(offset: Offset, length: Offset, signal?: AbortSignal): [start: number, end: number] {
    if (isClosed) throw new UsageError('ERR_NBD_CLOSED', 'the device is closed');
    signal?.throwIfAborted();
    if (typeof offset === 'number' && !Number.isInteger(offset)) throw new UsageError('ERR_NBD_ARGUMENT', 'offset');
    const [start, end] = [Number(offset), Number(offset) + Number(length)];
    if (start < 0 || end > size) throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', 'outside of the device');
    return [start, end];
  }

  return {
    geometry: { size: BigInt(size), minimumBlockSize: 1, preferredBlockSize: 4096, maximumBlockSize: 2 ** 25 },
    abilities: {
      readOnly: false,
      flush: true,
      fua: true,
      trim: true,
      writeZeroes: true,
      fastZero: false,
      cache: true,
      multiConn: false,
      rotational: false,
      contexts: [baseAllocation],
    },
    read: (offset, target, { signal } = {}) => target.set(bytes.subarray(...range(offset, target.length, signal))),
    write: (offset, source, { signal } = {}) => bytes.set(source, range(offset, source.length, signal)[0]),
    flush: () => void range(0, 0),
    trim: (offset, length) => void range(offset, length),
    writeZeroes: (offset, length) => void bytes.fill(0, ...range(offset, length)),
    cache: (offset, length) => void range(offset, length),
    blockStatus(offset, length) {
      const [start, end] = range(offset, length);
      const isZero = bytes.subarray(start, end).every((byte) => byte === 0);
      const status = BigInt(isZero ? AllocationStatus.Zero : 0);
      return [{ context: baseAllocation, extents: [{ offset: BigInt(start), length: BigInt(end - start), status }] }];
    },
    close: async () => {
      isClosed = true;
    },
  };
}
