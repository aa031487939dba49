/** The form of an index page: where the blocks of one part of a disk are. Pages are immutable objects, too. */
import type { ChunkBitmap } from './data-object.ts';
import { formatError } from './format-error.ts';
import type { ObjectName } from './object-name.ts';
import { xxhash32 } from './xxhash32.ts';

/** Where one block of a disk is. */
export interface BlockEntry {
  readonly object: ObjectName;
  readonly chunks: ChunkBitmap;
}

/** Blocks that one page describes. */
export const blocksPerPage = 4096;

const magic = 0x6761_7031_6a64_626en; // "nbdj1pag", little-endian
const headBytes = 32;
const entryBytes = 32;

/** Makes the body of a page. `entries` are by the number of the block within the page, ascending or not. */
export function encodePage(page: number, entries: ReadonlyMap<number, BlockEntry>): Uint8Array {
  const owners = [...new Set([...entries.values()].map(({ object }) => object.owner))];
  const ownerIndex = new Map(owners.map((owner, index) => [owner, index]));
  const body = new Uint8Array(headBytes + 8 * owners.length + entryBytes * entries.size + 4);
  const view = new DataView(body.buffer);
  view.setBigUint64(0, magic, true);
  view.setUint32(8, 1, true);
  view.setUint32(12, owners.length, true);
  view.setUint32(16, entries.size, true);
  view.setBigUint64(24, BigInt(page), true);
  let position = headBytes;
  for (const owner of owners) {
    view.setBigUint64(position, BigInt(`0x${owner}`), true);
    position += 8;
  }
  for (const [slot, { object, chunks }] of [...entries].sort(([one], [other]) => one - other)) {
    view.setUint32(position, slot, true);
    view.setUint32(position + 4, ownerIndex.get(object.owner) as number, true);
    view.setUint32(position + 8, object.epoch, true);
    view.setBigUint64(position + 16, BigInt(object.serial), true);
    view.setUint32(position + 24, chunks.low, true);
    view.setUint32(position + 28, chunks.high, true);
    position += entryBytes;
  }
  view.setUint32(position, xxhash32(body.subarray(0, position), 0), true);
  return body;
}

/** A page as it was read. It is kept in the form that it is stored in, which takes a fifth of the memory of objects. */
export class IndexPage {
  readonly #view: DataView;
  readonly #owners: readonly string[];
  readonly #start: number;
  /** Entries that it has. */
  readonly count: number;

  /** @throws CommandError `EIO` for a body that is no page, or another one. */
  constructor(what: string, page: number, body: Uint8Array) {
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    const end = body.length - 4;
    if (end < headBytes || view.getBigUint64(0, true) !== magic || view.getUint32(8, true) !== 1) {
      throw formatError(what, 'its head is not that of an index page of format 1');
    }
    if (view.getUint32(end, true) !== xxhash32(body.subarray(0, end), 0))
      throw formatError(what, 'its checksum is wrong');
    const [ownerCount, count] = [view.getUint32(12, true), view.getUint32(16, true)];
    if (headBytes + 8 * ownerCount + entryBytes * count !== end || count > blocksPerPage) {
      throw formatError(what, `${count} entries and ${ownerCount} owners do not fit into ${body.length} bytes`);
    }
    const number = view.getBigUint64(24, true);
    if (number !== BigInt(page)) throw formatError(what, `it is page ${number}, expected ${page}`);
    this.#view = view;
    this.#owners = Array.from({ length: ownerCount }, (_, index) =>
      view
        .getBigUint64(headBytes + 8 * index, true)
        .toString(16)
        .padStart(16, '0'),
    );
    this.#start = headBytes + 8 * ownerCount;
    this.count = count;
    for (let index = 0; index < count; index++) {
      const slot = this.#slot(index);
      const isAscending = index === 0 || this.#slot(index - 1) < slot;
      if (slot >= blocksPerPage || !isAscending || this.#ownerOf(index) === undefined) {
        throw formatError(what, `entry ${index} is not valid`);
      }
    }
  }

  get(slot: number): BlockEntry | undefined {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#slot(middle) < slot) low = middle + 1;
      else high = middle;
    }
    return low < this.count && this.#slot(low) === slot ? this.#entry(low) : undefined;
  }

  /** Ascending. */
  *entries(): Generator<readonly [slot: number, entry: BlockEntry]> {
    for (let index = 0; index < this.count; index++) yield [this.#slot(index), this.#entry(index)];
  }

  #slot(index: number): number {
    return this.#view.getUint32(this.#start + index * entryBytes, true);
  }

  #ownerOf(index: number): string | undefined {
    return this.#owners[this.#view.getUint32(this.#start + index * entryBytes + 4, true)];
  }

  #entry(index: number): BlockEntry {
    const position = this.#start + index * entryBytes;
    const view = this.#view;
    return {
      object: {
        owner: this.#ownerOf(index) as string,
        epoch: view.getUint32(position + 8, true),
        serial: Number(view.getBigUint64(position + 16, true)),
      },
      chunks: { low: view.getUint32(position + 24, true), high: view.getUint32(position + 28, true) },
    };
  }
}
