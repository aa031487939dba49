/** Which chunk each slot of a cache has, and which slot is given up for a new one: the one of its set that was used longest ago. */
import { cacheHeadBytes, entryBytes, slotsPerSet } from './cache-format.ts';

type Hashes = readonly [number, number, number];

/** The table is written in parts of this many entries. */
const partEntries = cacheHeadBytes / entryBytes;

export class SlotTable {
  readonly #first: Uint32Array;
  readonly #second: Uint32Array;
  /** When each slot was used; 0 for never since the start. */
  readonly #used: Uint32Array;
  readonly #sets: number;
  /** Slots that are being written. */
  readonly #busy = new Set<number>();
  readonly #changed = new Set<number>();
  #tick = 0;

  constructor(slots: number) {
    this.#first = new Uint32Array(slots);
    this.#second = new Uint32Array(slots);
    this.#used = new Uint32Array(slots);
    this.#sets = slots / slotsPerSet;
  }

  /** Takes over the entries of a table from a device. */
  load(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let slot = 0; slot < this.#first.length; slot++) {
      this.#first[slot] = view.getUint32(slot * entryBytes, true);
      this.#second[slot] = view.getUint32(slot * entryBytes + 4, true);
    }
  }

  find(hashes: Hashes): number | undefined {
    const [first, second] = hashes;
    const start = this.#setOf(hashes);
    for (let slot = start; slot < start + slotsPerSet; slot++) {
      if (this.#first[slot] === first && this.#second[slot] === second) return slot;
    }
    return undefined;
  }

  touch(slot: number): void {
    this.#tick++;
    if (this.#tick > 0xffff_ffff) {
      // Once in a few days; what was used before counts as equally old then.
      this.#used.fill(0);
      this.#tick = 1;
    }
    this.#used[slot] = this.#tick;
  }

  /** Gives up a slot for a chunk, which is in it when `fill` is called. Returns `undefined` when all slots of its set are being written. */
  take(hashes: Hashes): number | undefined {
    const start = this.#setOf(hashes);
    let chosen: number | undefined;
    for (let slot = start; slot < start + slotsPerSet; slot++) {
      if (this.#busy.has(slot)) continue;
      if (this.#first[slot] === 0) {
        chosen = slot;
        break;
      }
      if (chosen === undefined || (this.#used[slot] as number) < (this.#used[chosen] as number)) chosen = slot;
    }
    if (chosen === undefined) return undefined;
    this.clear(chosen);
    this.#busy.add(chosen);
    return chosen;
  }

  fill(slot: number, [first, second]: Hashes): void {
    this.#first[slot] = first;
    this.#second[slot] = second;
    this.touch(slot);
    this.#busy.delete(slot);
    this.#changed.add(Math.floor(slot / partEntries));
  }

  clear(slot: number): void {
    this.#first[slot] = 0;
    this.#second[slot] = 0;
    this.#used[slot] = 0;
    this.#busy.delete(slot);
    this.#changed.add(Math.floor(slot / partEntries));
  }

  /** The parts of the table that have changed since the last call, with their offsets in bytes. */
  *changedParts(): Generator<readonly [offset: number, bytes: Uint8Array]> {
    for (const part of [...this.#changed]) {
      this.#changed.delete(part);
      const bytes = new Uint8Array(cacheHeadBytes);
      const view = new DataView(bytes.buffer);
      const start = part * partEntries;
      for (let slot = start; slot < Math.min(start + partEntries, this.#first.length); slot++) {
        view.setUint32((slot - start) * entryBytes, this.#first[slot] as number, true);
        view.setUint32((slot - start) * entryBytes + 4, this.#second[slot] as number, true);
      }
      yield [start * entryBytes, bytes];
    }
  }

  #setOf([, , third]: Hashes): number {
    return (third % this.#sets) * slotsPerSet;
  }
}
