/** The block maps of several metadata contexts in lock-step. */
import type { BlockDevice, Extent } from '@nbdjs/interfaces';
import { type ExtentWalkOptions, walkExtentLists } from './walk-extents.ts';

/** A run of bytes with one status in each of several contexts. */
export interface JointExtent {
  /** First byte, from the start of the device. */
  readonly offset: bigint;
  /** Length in bytes, never 0. */
  readonly length: bigint;
  /** One status for each context, in their order. */
  readonly statuses: readonly bigint[];
}

/** Which part of a device is walked, and by which metadata contexts. */
export interface JointWalkOptions extends Omit<ExtentWalkOptions, 'context' | 'onMapFailure'> {
  /** The contexts, one at least. */
  readonly contexts: readonly string[];
}

/** A walk over one context, and how far it is. */
interface Cursor {
  readonly lists: AsyncGenerator<readonly Extent[], void, void>;
  extents: readonly Extent[];
  index: number;
}

/**
 * The extents of several contexts over a device or a part of it: a new one begins wherever the status of any context changes. As lists, of
 * which one is as long as the answers of the device allow; neighbours in different lists may have equal statuses.
 *
 * Each context is asked about by itself. While a device is being written to, their answers are not of the same moment.
 *
 * @throws what the device's `blockStatus` throws.
 */
export async function* walkJointExtents(
  device: BlockDevice,
  { contexts, ...options }: JointWalkOptions,
): AsyncGenerator<readonly JointExtent[], void, void> {
  const lists = contexts.map((context) => walkExtentLists(device, { ...options, context }));
  yield* joinExtentLists(lists, BigInt(options.offset ?? 0));
}

/**
 * Joins the extents of several maps, which may be those of several devices: each map comes as lists of consecutive extents from `start` on.
 * The maps end together, or all that lies behind the end of the shortest is left out. When the caller stops, so do the maps.
 *
 * @throws what the maps throw.
 */
export async function* joinExtentLists(
  maps: readonly AsyncGenerator<readonly Extent[], void, void>[],
  start: bigint,
): AsyncGenerator<readonly JointExtent[], void, void> {
  const cursors = maps.map((lists): Cursor => ({ lists, extents: [], index: 0 }));
  let position = start;
  try {
    while ((await Promise.all(cursors.map(refill))).every((isThere) => isThere)) {
      const joint = joinLists(cursors, position);
      const last = joint.at(-1);
      if (last !== undefined) position = last.offset + last.length;
      yield joint;
    }
  } finally {
    for (const { lists } of cursors) await lists.return();
  }
}

/** Fetches the next list of a cursor that is at the end of its list. Returns whether there is anything left. */
async function refill(cursor: Cursor): Promise<boolean> {
  while (cursor.index >= cursor.extents.length) {
    const { done, value } = await cursor.lists.next();
    if (done === true) return false;
    cursor.extents = value;
    cursor.index = 0;
  }
  return true;
}

/** Joins what all cursors have from `start` on, up to where the first of them runs out. */
function joinLists(cursors: readonly Cursor[], start: bigint): readonly JointExtent[] {
  const joint: JointExtent[] = [];
  for (let offset = start; ; ) {
    const current = cursors.map(({ extents, index }) => extents[index]);
    if (!current.every((extent) => extent !== undefined)) return joint;
    const ends = current.map((extent) => extent.offset + extent.length);
    const end = ends.reduce((least, one) => (one < least ? one : least));
    joint.push({ offset, length: end - offset, statuses: current.map(({ status }) => status) });
    cursors.forEach((cursor, index) => {
      if (ends[index] === end) cursor.index++;
    });
    offset = end;
  }
}
