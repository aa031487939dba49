/** A device for tests: content in memory, answers in any order, failures on demand. */
import {
  type Abilities,
  AllocationStatus,
  type BlockDevice,
  baseAllocation,
  CommandError,
  type DeferredReads,
  type Extent,
  type Geometry,
  type MetaContextExtents,
  type Offset,
} from '@nbdjs/interfaces';

export interface ScriptedOptions {
  readonly size: number;
  readonly content?: Uint8Array | undefined;
  readonly geometry?: Partial<Geometry> | undefined;
  readonly abilities?: Partial<Abilities> | undefined;
  /** Reports runs of zeroes longer than this as holes. @default 4096 */
  readonly holeBytesMin?: number | undefined;
  /** An answer about the map has so many extents at most. @default 7 */
  readonly extentsMax?: number | undefined;
  /** Delays each answer by up to so many turns. @default answers at once */
  readonly turns?: (() => number) | undefined;
  /** Delays each answer by so many milliseconds. @default 0 */
  readonly latencyMs?: number | undefined;
  /** Asks for a read's memory when the answer is there. @default false */
  readonly isLate?: boolean | undefined;
  /** Fails the request of this number (from 0), counted over all commands of the kind. */
  readonly fail?: { readonly command: string; readonly index: number; readonly code?: 'EIO' | 'ENOTSUP' } | undefined;
}

export class ScriptedDevice implements BlockDevice {
  readonly content: Uint8Array;
  readonly geometry: Geometry;
  readonly abilities: Abilities;
  /** How often each command was asked for. */
  readonly counts = new Map<string, number>();
  /** Pieces of memory that `write` was given. */
  readonly memories = new Set<ArrayBufferLike>();
  readonly deferredReads: DeferredReads | undefined;
  inFlight = 0;
  inFlightMax = 0;
  readonly #options: ScriptedOptions;

  constructor(options: ScriptedOptions) {
    this.#options = options;
    if (options.isLate === true) {
      this.deferredReads = {
        readInto: (offset, length, provide) =>
          this.#do('read', () => provide().set(this.content.subarray(Number(offset), Number(offset) + length))),
      };
    }
    this.content = options.content?.slice() ?? new Uint8Array(options.size);
    this.geometry = {
      size: BigInt(options.size),
      minimumBlockSize: 1,
      preferredBlockSize: 4096,
      maximumBlockSize: 32 * 2 ** 20,
      ...options.geometry,
    };
    this.abilities = {
      readOnly: false,
      flush: true,
      fua: true,
      trim: true,
      writeZeroes: true,
      fastZero: true,
      cache: false,
      multiConn: true,
      rotational: false,
      contexts: [baseAllocation],
      ...options.abilities,
    };
  }

  read(offset: Offset, target: Uint8Array): void | Promise<void> {
    return this.#do('read', () => target.set(this.content.subarray(Number(offset), Number(offset) + target.length)));
  }

  write(offset: Offset, source: Uint8Array): void | Promise<void> {
    this.memories.add(source.buffer);
    return this.#do('write', () => this.content.set(source, Number(offset)));
  }

  flush(): void | Promise<void> {
    return this.#do('flush', () => {});
  }

  trim(): void | Promise<void> {
    return this.#do('trim', () => {});
  }

  writeZeroes(offset: Offset, length: Offset): void | Promise<void> {
    return this.#do('writeZeroes', () => {
      this.content.fill(0, Number(offset), Number(offset) + Number(length));
    });
  }

  cache(): void {}

  blockStatus(offset: Offset, length: Offset): readonly MetaContextExtents[] | Promise<readonly MetaContextExtents[]> {
    let extents: Extent[] = [];
    const done = this.#do('blockStatus', () => {
      extents = this.#extents(Number(offset), Number(offset) + Number(length));
    });
    const answer = (): readonly MetaContextExtents[] => [{ context: baseAllocation, extents }];
    return done === undefined ? answer() : done.then(answer);
  }

  async close(): Promise<void> {}

  #do(command: string, work: () => void): void | Promise<void> {
    const index = this.counts.get(command) ?? 0;
    this.counts.set(command, index + 1);
    this.inFlight++;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    const { fail, turns, latencyMs = 0 } = this.#options;
    const finish = (): void => {
      this.inFlight--;
      if (fail?.command === command && (fail.index === index || fail.code === 'ENOTSUP')) {
        throw new CommandError(fail.code ?? 'EIO', 'as the test wants it');
      }
      work();
    };
    if (latencyMs > 0) return new Promise((resolve) => setTimeout(resolve, latencyMs)).then(finish);
    if (turns === undefined) return finish();
    return this.#later(turns(), finish);
  }

  async #later(turns: number, finish: () => void): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    finish();
  }

  /** At most a few extents at a time, so that several questions are needed. */
  #extents(start: number, end: number): Extent[] {
    const extents: Extent[] = [];
    const { holeBytesMin = 4096, extentsMax = 7 } = this.#options;
    for (let position = start; position < end && extents.length < extentsMax; ) {
      let next = position;
      const isZero = this.content[position] === 0;
      while (next < end && (this.content[next] === 0) === isZero) next++;
      const isHole = isZero && next - position >= holeBytesMin;
      const status = isHole ? AllocationStatus.Hole | AllocationStatus.Zero : 0;
      extents.push({ offset: BigInt(position), length: BigInt(next - position), status: BigInt(status) });
      position = next;
    }
    return extents;
  }
}
