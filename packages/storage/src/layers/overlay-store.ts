/**
 * The store of an overlay. Ranges that the overlay does not use any more are trimmed in it. Trims and writes may take time, so they must
 * not overlap: a trim must not remove bytes that were written after it began.
 */
import type { BlockDevice, WriteOptions } from '@nbdjs/interfaces';

interface UnderWay {
  readonly from: bigint;
  readonly to: bigint;
  readonly settled: Promise<unknown>;
}

export class OverlayStore {
  readonly #device: BlockDevice;
  readonly #block: bigint;
  readonly #writes = new Set<UnderWay>();
  readonly #returns = new Set<UnderWay>();

  constructor(device: BlockDevice) {
    this.#device = device;
    this.#block = BigInt(device.geometry.minimumBlockSize);
  }

  /** Writes, and calls `stored` when the bytes are there, before any other call can change them. */
  write(from: bigint, source: Uint8Array, options: WriteOptions | undefined, stored: () => void): void | Promise<void> {
    const to = from + BigInt(source.length);
    const before = overlapping(this.#returns, from, to);
    if (before !== undefined) return before.settled.then(() => this.write(from, source, options, stored));
    const writing = this.#device.write(from, source, options);
    if (writing === undefined) {
      stored();
      return undefined;
    }
    const done = writing.then(() => stored());
    track(this.#writes, from, to, done);
    return done;
  }

  /** Trims a range, without the parts that are being written to. A failure is ignored: the range only goes on taking space. */
  giveBack(from: bigint, to: bigint): void | Promise<void> {
    if (!this.#device.abilities.trim) return undefined;
    const waits: Promise<void>[] = [];
    let position = from;
    const busy = [...this.#writes]
      .filter((write) => write.from < to && write.to > from)
      .sort((one, other) => (one.from < other.from ? -1 : 1));
    for (const write of [...busy, { from: to, to }]) {
      const trimming = this.#trim(position, write.from);
      if (trimming !== undefined) waits.push(trimming);
      if (write.to > position) position = write.to;
    }
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => {});
  }

  #trim(from: bigint, to: bigint): Promise<void> | undefined {
    const start = from + ((this.#block - (from % this.#block)) % this.#block);
    const end = to - (to % this.#block);
    if (start >= end) return undefined;
    try {
      const trimming = this.#device.trim(start, end - start);
      if (trimming === undefined) return undefined;
      const done = trimming.catch(() => {});
      track(this.#returns, start, end, done);
      return done;
    } catch {
      return undefined;
    }
  }
}

function overlapping(all: Iterable<UnderWay>, from: bigint, to: bigint): UnderWay | undefined {
  for (const one of all) if (one.from < to && one.to > from) return one;
  return undefined;
}

/** Keeps an operation in the set until it has settled. */
function track(all: Set<UnderWay>, from: bigint, to: bigint, work: Promise<void>): void {
  const one: UnderWay = { from, to, settled: work.then(forget, forget) };
  all.add(one);
  function forget(): void {
    all.delete(one);
  }
}
