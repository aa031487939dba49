/** What a disk may read as after a crash: sector by sector, what was flushed last, or anything that was written since then. */
import type { BlockDevice } from '@nbdjs/interfaces';
import type { CrashFile, Step } from './crash-file.ts';

const sectorBytes = 512;

interface Event {
  /** It happened when the file had had so many steps. */
  readonly at: number;
  readonly apply: (sectors: Sectors) => void;
}

class Sectors {
  readonly flushed: Uint8Array;
  readonly later = new Map<number, Set<number>>();
  readonly any = new Set<number>();

  constructor(first: Uint8Array) {
    this.flushed = first.slice();
  }

  allows(sector: number, value: number): boolean {
    return this.any.has(sector) || this.flushed[sector] === value || this.later.get(sector)?.has(value) === true;
  }
}

/** Changes a disk, and remembers when, by the steps of the file below. Each sector has one value in all of its bytes. */
export class CrashModel {
  readonly #device: () => BlockDevice;
  readonly #file: CrashFile;
  readonly #count: number;
  readonly #events: Event[] = [];
  readonly #now: Int16Array;
  readonly #first: Uint8Array;

  /** `first`: the value of each sector in the beginning. */
  constructor(file: CrashFile, first: Uint8Array, device: () => BlockDevice) {
    this.#file = file;
    this.#count = first.length;
    this.#device = device;
    this.#now = Int16Array.from(first);
    this.#first = first;
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
        if (value >= 0) {
          sectors.flushed[sector] = value;
          sectors.any.delete(sector);
        }
      }
    });
  }

  /** Plays the steps again; `check` is called after each one that `isWanted`. */
  async replay(
    steps: readonly Step[],
    isWanted: (step: number) => boolean,
    {
      add,
      check,
    }: {
      add(step: Step): void;
      check(step: number, firstWrong: (device: BlockDevice) => Promise<number>): Promise<void>;
    },
  ): Promise<void> {
    const sectors = new Sectors(this.#first);
    let next = 0;
    for (const [index, step] of steps.entries()) {
      add(step);
      for (let event = this.#events[next]; event !== undefined && event.at <= index + 1; event = this.#events[++next]) {
        event.apply(sectors);
      }
      if (isWanted(index)) await check(index, (device) => this.#firstWrong(device, sectors));
    }
  }

  /** The first byte that must not be as it is, or -1. */
  async #firstWrong(device: BlockDevice, sectors: Sectors): Promise<number> {
    const disk = new Uint8Array(this.#count * sectorBytes);
    await device.read(0, disk);
    for (let sector = 0; sector < this.#count; sector++) {
      const start = sector * sectorBytes;
      const value = disk[start] as number;
      const isEven =
        sectors.any.has(sector) || disk.subarray(start, start + sectorBytes).every((byte) => byte === value);
      if (!isEven || !sectors.allows(sector, value)) return start;
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
