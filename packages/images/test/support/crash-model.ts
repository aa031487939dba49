/** What a disk may read as after a crash: sector by sector, what was flushed last, or anything that was written since then. */
import type { BlockDevice } from '@nbdjs/interfaces';
import type { CrashFile, Step } from './crash-file.ts';

const sectorBytes = 512;
const sectorsAtATime = 64;

interface Event {
  /** It happened when the file had had so many steps. */
  readonly at: number;
  readonly apply: (sectors: Sectors) => void;
}

class Sectors {
  readonly flushed: Uint8Array;
  /** The disk as it was flushed. */
  readonly disk: Uint8Array;
  readonly later = new Map<number, Set<number>>();
  readonly any = new Set<number>();

  constructor(first: Uint8Array) {
    this.flushed = first.slice();
    this.disk = new Uint8Array(first.length * sectorBytes);
    for (const [sector, value] of first.entries()) this.#fill(sector, value);
  }

  flush(sector: number, value: number): void {
    this.any.delete(sector);
    if (this.flushed[sector] === value) return;
    this.flushed[sector] = value;
    this.#fill(sector, value);
  }

  allows(sector: number, value: number): boolean {
    return this.any.has(sector) || this.flushed[sector] === value || this.later.get(sector)?.has(value) === true;
  }

  #fill(sector: number, value: number): void {
    this.disk.fill(value, sector * sectorBytes, (sector + 1) * sectorBytes);
  }
}

/** Changes a disk, and remembers when, by the steps of the file below. Each sector has one value in all of its bytes. */
export class CrashModel {
  readonly #device: () => BlockDevice;
  readonly #file: CrashFile;
  readonly #count: number;
  readonly #events: Event[] = [];
  readonly #now: Int16Array;
  readonly #sectors: Sectors;

  /** `first`: the value of each sector in the beginning. */
  constructor(file: CrashFile, first: Uint8Array, device: () => BlockDevice) {
    this.#file = file;
    this.#count = first.length;
    this.#device = device;
    this.#now = Int16Array.from(first);
    this.#sectors = new Sectors(first);
  }

  async write(sector: number, count: number, value: number): Promise<void> {
    this.#begin(sector, count, value);
    await this.#device().write(sector * sectorBytes, new Uint8Array(count * sectorBytes).fill(value));
  }

  async zero(sector: number, count: number, noHole: boolean): Promise<void> {
    this.#begin(sector, count, 0);
    await this.#device().writeZeroes(sector * sectorBytes, count * sectorBytes, { noHole });
  }

  async trim(sector: number, count: number): Promise<void> {
    this.#begin(sector, count, -1);
    await this.#device().trim(sector * sectorBytes, count * sectorBytes);
  }

  /** No other change may be under way. */
  async flush(work: () => void | Promise<void>): Promise<void> {
    await work();
    const state = this.#now.slice();
    this.#add((sectors) => {
      sectors.later.clear();
      for (const [sector, value] of state.entries()) {
        if (value >= 0) sectors.flush(sector, value);
      }
    });
  }

  /**
   * Plays steps again, and forgets what happened in them; `check` is called after each one that `isWanted`. The steps are all that the file had
   * since the last call, and are not in the file any more.
   */
  async replay(
    steps: readonly Step[],
    isWanted: () => boolean,
    {
      add,
      check,
    }: {
      add(step: Step): void;
      check(firstWrong: (device: BlockDevice) => Promise<number>): Promise<void>;
    },
  ): Promise<void> {
    const sectors = this.#sectors;
    const events = this.#events.splice(0);
    let next = 0;
    for (const [index, step] of steps.entries()) {
      add(step);
      for (let event = events[next]; event !== undefined && event.at <= index + 1; event = events[++next]) {
        event.apply(sectors);
      }
      if (isWanted()) await check((device) => this.#firstWrong(device, sectors));
    }
    for (const event of events.slice(next)) event.apply(sectors);
  }

  /** The first byte that must not be as it is, or -1. */
  async #firstWrong(device: BlockDevice, sectors: Sectors): Promise<number> {
    const disk = new Uint8Array(this.#count * sectorBytes);
    await device.read(0, disk);
    const words = new Uint32Array(disk.buffer);
    for (let from = 0; from < this.#count; from += sectorsAtATime) {
      const to = Math.min(this.#count, from + sectorsAtATime);
      const [start, end] = [from * sectorBytes, to * sectorBytes];
      // Most of the disk is as it was flushed, which is found out much faster for many sectors at once.
      if (Buffer.compare(disk.subarray(start, end), sectors.disk.subarray(start, end)) === 0) continue;
      for (let sector = from; sector < to; sector++) {
        if (sectors.any.has(sector)) continue;
        const value = disk[sector * sectorBytes] as number;
        if (!isFilled(words, sector, value) || !sectors.allows(sector, value)) return sector * sectorBytes;
      }
    }
    return -1;
  }

  #begin(sector: number, count: number, value: number): void {
    this.#now.fill(value, sector, sector + count);
    this.#add((sectors) => {
      for (let at = sector; at < sector + count; at++) {
        if (value < 0) sectors.any.add(at);
        else {
          const later = sectors.later.get(at) ?? new Set();
          sectors.later.set(at, later.add(value));
        }
      }
    });
  }

  #add(apply: (sectors: Sectors) => void): void {
    this.#events.push({ at: this.#file.steps.length, apply });
  }
}

/** Whether each byte of a sector has a value. */
function isFilled(words: Uint32Array, sector: number, value: number): boolean {
  const word = value * 0x0101_0101;
  const end = ((sector + 1) * sectorBytes) / 4;
  for (let at = (sector * sectorBytes) / 4; at < end; at++) if (words[at] !== word) return false;
  return true;
}
