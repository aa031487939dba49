/** The bytes of a range in order, without those that are known to be zero. */
import { AllocationStatus, type BlockDevice, baseAllocation, type Extent } from '@nbdjs/interfaces';
import { walkExtentLists } from '@nbdjs/kit';
import { oneLine } from '../../errors/one-line.ts';
import type { Terminal } from '../../terminal.ts';

const readBytes = 256 * 1024;

/** Reading this many bytes more is faster than a second request. */
const shortHoleBytes = 64n * 1024n;

/** This much data is read before the map is asked about the next. */
const runBytesMax = 16n * 1024n * 1024n;

/** Yields the bytes of a range; a run of zeroes that need not be read is yielded as its length. A buffer is valid until the next one. */
export async function* readRange(
  device: BlockDevice,
  offset: bigint,
  length: bigint,
  { verbose }: { readonly verbose?: boolean | undefined },
  terminal: Terminal,
): AsyncGenerator<Uint8Array | bigint> {
  const { signal } = terminal;
  if (!device.abilities.contexts.includes(baseAllocation)) {
    yield* readData(device, offset, length, signal);
    return;
  }
  let isNoted = verbose !== true;
  const onMapFailure = (error: Error, at: bigint): void => {
    if (!isNoted) {
      terminal.note(`nbd: the server does not report which parts are zero (at ${at}: ${oneLine(error)}); reading them`);
    }
    isNoted = true;
  };
  const lists = walkExtentLists(device, { context: baseAllocation, offset, length, signal, onMapFailure });
  for await (const run of joinExtents(lists)) {
    if (run.isZero) yield run.length;
    else yield* readData(device, run.offset, run.length, signal);
  }
}

interface Run {
  readonly isZero: boolean;
  readonly offset: bigint;
  readonly length: bigint;
}

/** Joins extents of the same kind. A short hole next to data is read with it, because each request takes its time. */
async function* joinExtents(lists: AsyncIterable<readonly Extent[]>): AsyncGenerator<Run> {
  let run: Run | undefined;
  for await (const extents of lists) {
    for (const { offset, length, status } of extents) {
      const isZero = (Number(status) & AllocationStatus.Zero) !== 0;
      const isFull = run !== undefined && !run.isZero && run.length >= runBytesMax;
      if (run !== undefined && !isFull && (run.isZero === isZero || (!run.isZero && length <= shortHoleBytes))) {
        run = { ...run, length: run.length + length };
      } else {
        if (run !== undefined) yield run;
        run = { isZero, offset, length };
      }
    }
  }
  if (run !== undefined) yield run;
}

async function* readData(
  device: BlockDevice,
  offset: bigint,
  length: bigint,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(length < readBytes ? Number(length) : readBytes);
  for (let position = 0n; position < length; position += BigInt(buffer.length)) {
    const left = length - position;
    const target = left < buffer.length ? buffer.subarray(0, Number(left)) : buffer;
    await device.read(offset + position, target, { signal });
    yield target;
  }
}
