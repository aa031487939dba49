/**
 * Knows what may be read. Every write has a stamp of its own; the stamps of one cell are ordered by the epoch of their writer, and then by
 * the order in which it has written them.
 */

/** A promise of the disk is broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

interface Write {
  readonly epoch: number;
  readonly cell: number;
}

const beginning: Write = { epoch: 0, cell: -1 };

export class Oracle {
  readonly #cells: number;
  /** By stamp, from 1 on; the order within one epoch is that of the stamps. */
  readonly #writes: Write[] = [beginning];
  /** By cell: the stamp that each epoch has flushed last. */
  readonly #flushed: readonly Map<number, number>[];
  /** What each writer has found, by its epoch. */
  readonly #found = new Map<number, readonly number[]>();

  constructor(cells: number) {
    this.#cells = cells;
    this.#flushed = Array.from({ length: cells }, () => new Map());
  }

  /** Writers so far that have read what they found. */
  get writerCount(): number {
    return this.#found.size;
  }

  /** Stamps that were given away. */
  get stampCount(): number {
    return this.#writes.length - 1;
  }

  /** A write is about to be made. Returns its stamp. */
  stamp(epoch: number, cell: number): number {
    this.#writes.push({ epoch, cell });
    return this.#writes.length - 1;
  }

  /** A writer has opened the disk and read all cells. */
  opened(epoch: number, values: readonly number[]): void {
    if (this.#found.has(epoch)) throw new Violation(`two writers have epoch ${epoch}`);
    this.checkState(`the writer of epoch ${epoch}`, values, epoch, this.floorsBelow(epoch));
    for (const [other, found] of this.#found) {
      for (let cell = 0; cell < this.#cells; cell++) {
        const value = values[cell] as number;
        const before = found[cell] as number;
        const writtenBy = this.#write(value).epoch;
        // What a later writer finds is what an earlier one found, unless somebody has written in between who was allowed to.
        if (other < epoch && value !== before && writtenBy < other) {
          throw new Violation(
            `cell ${cell}: epoch ${other} found ${before}, epoch ${epoch} finds ${value} of the fenced epoch ${writtenBy}`,
          );
        }
      }
    }
    this.#found.set(epoch, values);
  }

  /** By cell: the last stamp that was flushed so far by an epoch below this one. */
  floorsBelow(epoch: number): readonly number[] {
    return this.#flushed.map((stamps) => {
      const [, stamp] = [...stamps].filter(([other]) => other < epoch).sort(([one], [other]) => other - one)[0] ?? [
        0, 0,
      ];
      return stamp;
    });
  }

  /** Someone has read all cells of a state that is at least as new as some floors. */
  checkState(who: string, values: readonly number[], belowEpoch: number, floors: readonly number[]): void {
    for (const [cell, value] of values.entries()) {
      const write = this.#write(value);
      if (value !== 0 && write.cell !== cell)
        throw new Violation(`${who} reads ${value} in cell ${cell}, which was never written there`);
      if (write.epoch >= belowEpoch)
        throw new Violation(`${who} reads ${value} in cell ${cell}, of the later epoch ${write.epoch}`);
      const floor = floors[cell] as number;
      if (this.#isOlder(value, floor)) {
        throw new Violation(
          `${who} reads ${value} in cell ${cell}, but ${floor} of epoch ${this.#write(floor).epoch} was flushed`,
        );
      }
    }
  }

  /** A flush was acknowledged. `stamps` by cell: what its writer had written, and was acknowledged, before it asked. */
  flushed(epoch: number, stamps: ReadonlyMap<number, number>): void {
    for (const [cell, stamp] of stamps) {
      for (const [other, found] of this.#found) {
        const value = found[cell] as number;
        if (other > epoch && this.#isOlder(value, stamp)) {
          throw new Violation(
            `cell ${cell}: ${stamp} of epoch ${epoch} is acknowledged as flushed, but epoch ${other} had found ${value}`,
          );
        }
      }
      this.#flushed[cell]?.set(epoch, Math.max(stamp, this.#flushed[cell].get(epoch) ?? 0));
    }
  }

  #isOlder(one: number, other: number): boolean {
    const [a, b] = [this.#write(one), this.#write(other)];
    return a.epoch < b.epoch || (a.epoch === b.epoch && one < other);
  }

  #write(stamp: number): Write {
    const write = this.#writes[stamp];
    if (write === undefined) throw new Violation(`the value ${stamp} was never written`);
    return write;
  }
}
