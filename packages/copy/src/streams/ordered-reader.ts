/** Reading a device in order, with many reads in flight, and without what it reports as zeroes. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { type Ahead, errorAt, FreeList, QueueDepth, ReadAhead } from '@nbdjs/kit';
import type { CopySettings } from '../options.ts';
import { Plan, type WorkPlan } from '../plan/plan.ts';
import { plain, type Segment } from '../plan/segment.ts';

/** Takes the parts of a device in order. The next part comes when the answer has settled. */
export interface OrderedVisitor {
  /** Bytes that were read; they are lent until the answer settles. */
  data(bytes: Uint8Array, offset: bigint): void | Promise<void>;
  /** So many zeroes, which were not read. */
  zeroes(length: bigint, offset: bigint): void | Promise<void>;
}

/** A segment of the source. Zeroes have no memory. */
interface Part {
  readonly segment: Segment;
  readonly memory?: Uint8Array;
}

/**
 * Hands the parts of a device to a visitor, in order, reading ahead: those of a plan, which is that of the whole device if none is given.
 *
 * @returns how many bytes were read.
 * @throws errors of the device or the visitor, or the signal's reason.
 */
export async function readInOrder(
  source: BlockDevice,
  settings: CopySettings,
  visitor: OrderedVisitor,
  plan: Pick<WorkPlan, 'next'> = wholePlan(source, settings),
): Promise<bigint> {
  const { requestSize, requests, signal } = settings;
  const depth = new QueueDepth(requests, requestSize);
  const buffers = new FreeList<Uint8Array>(() => new Uint8Array(requestSize));
  let readBytes = 0n;

  const read = async (segment: Segment): Promise<Part> => {
    const memory = buffers.take();
    const startMs = Date.now();
    try {
      await source.read(plain(segment.offset), memory.subarray(0, Number(segment.length)));
    } catch (error) {
      throw errorAt(error, `reading the source at ${segment.offset}`);
    }
    depth.completed(startMs, Date.now());
    return { segment, memory };
  };
  const start = (segment: Segment | undefined): Ahead<Part> | undefined =>
    segment && { result: segment.isZero ? { segment } : read(segment) };
  const begin = (): Ahead<Part> | undefined | Promise<Ahead<Part> | undefined> => {
    signal?.throwIfAborted();
    const next = plan.next();
    return next instanceof Promise ? next.then(start) : start(next);
  };

  const parts = new ReadAhead(depth, begin);
  try {
    await tryTail(source);
    for (let part = await parts.next(); part !== undefined; part = await parts.next()) {
      const { segment, memory } = part;
      if (memory === undefined) {
        await visitor.zeroes(segment.length, segment.offset);
        continue;
      }
      readBytes += segment.length;
      await visitor.data(memory.subarray(0, Number(segment.length)), segment.offset);
      buffers.giveBack(memory);
    }
  } finally {
    await parts.settled();
  }
  return readBytes;
}

/** Zeroes come in pieces of any length, so that the plan need not cut them. */
function wholePlan(source: BlockDevice, settings: CopySettings): Plan {
  const { size, minimumBlockSize } = source.geometry;
  return new Plan(source, size, BigInt(minimumBlockSize), { ...settings, targetIsZero: true });
}

/** Reads the last bytes of a device whose size is not a multiple of its blocks, to find out before anything else whether it can. */
async function tryTail(source: BlockDevice): Promise<void> {
  const { size, minimumBlockSize } = source.geometry;
  const length = Number(size % BigInt(minimumBlockSize));
  if (length === 0) return;
  const offset = size - BigInt(length);
  try {
    await source.read(plain(offset), new Uint8Array(length));
  } catch (error) {
    throw errorAt(error, `reading the source at ${offset}`);
  }
}
