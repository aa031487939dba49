/** A local device that a crash finds in any state that a real one may be in: of what was not flushed, some sectors are there. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';

const sectorBytes = 512;

export class CrashDevice implements BlockDevice {
  readonly geometry;
  readonly abilities = {
    readOnly: false,
    flush: true,
    fua: false,
    trim: false,
    writeZeroes: false,
    fastZero: false,
    cache: false,
    multiConn: false,
    rotational: false,
    contexts: [],
  };
  readonly #now: Uint8Array;
  readonly #stable: Uint8Array;
  readonly #changed = new Set<number>();

  constructor(size: number, content?: Uint8Array) {
    this.#now = content ?? new Uint8Array(size);
    this.#stable = this.#now.slice();
    this.geometry = { size: BigInt(size), minimumBlockSize: 512, preferredBlockSize: 4096, maximumBlockSize: 2 ** 25 };
  }

  /** What is found after a crash. `random`: 1 for nothing that was not flushed. This device goes on beside it. */
  crashed(random: () => number): CrashDevice {
    const content = this.#stable.slice();
    for (const sector of this.#changed) {
      const [start, end] = [sector * sectorBytes, (sector + 1) * sectorBytes];
      if (random() < 0.5) content.set(this.#now.subarray(start, end), start);
    }
    return new CrashDevice(content.length, content);
  }

  read(offset: number | bigint, target: Uint8Array): void {
    target.set(this.#now.subarray(Number(offset), Number(offset) + target.length));
  }

  async write(offset: number | bigint, source: Uint8Array): Promise<void> {
    if (Number(offset) % sectorBytes !== 0 || source.length % sectorBytes !== 0) {
      throw new UsageError('ERR_NBD_UNALIGNED', `${source.length} bytes at ${offset}`);
    }
    await Promise.resolve();
    this.#now.set(source, Number(offset));
    for (let sector = 0; sector * sectorBytes < source.length; sector++) {
      this.#changed.add(Number(offset) / sectorBytes + sector);
    }
  }

  async flush(): Promise<void> {
    const sectors = [...this.#changed];
    await Promise.resolve();
    for (const sector of sectors) {
      const [start, end] = [sector * sectorBytes, (sector + 1) * sectorBytes];
      this.#stable.set(this.#now.subarray(start, end), start);
      this.#changed.delete(sector);
    }
  }

  trim(): void {}
  writeZeroes(): void {}
  cache(): void {}
  blockStatus(): never {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', 'no block status');
  }
  async close(): Promise<void> {}
}
