/** Knows what each block has to hold, fills what is written, and checks what was read. */
import type { PlannedRequest } from '../generation/request-plan.ts';
import type { LoadSettings } from '../settings.ts';
import { fillBlock } from './block-content.ts';
import { type ContentMismatch, findMismatch } from './mismatch.ts';

/** In place of the number of a write. */
const unknown = 0;
const zeroes = 0xffffffff;

/** Blocks that are checked one behind the other, as one read. */
export interface KnownRun {
  /** From the start of the device, in bytes. */
  readonly offset: number;
  readonly length: number;
}

export class Verifier {
  readonly #seed: number;
  readonly #start: number;
  readonly #unit: number;
  /** By block of the range: the number of the write that it holds. */
  readonly #generations: Uint32Array;
  readonly #expected: Uint32Array;
  #writes = 0;
  /** Where the last look for known blocks ended. */
  #position = 0;
  #verifiedBytes = 0;

  constructor({ seed, offset, length, smallest }: LoadSettings) {
    this.#seed = seed;
    this.#start = offset;
    this.#unit = smallest;
    this.#generations = new Uint32Array(length / smallest);
    this.#expected = new Uint32Array(smallest / 4);
  }

  /** Bytes whose contents were checked. */
  get verifiedBytes(): number {
    return this.#verifiedBytes;
  }

  /** Puts into memory what the request is to store there. Returns the number of the write. */
  fill({ offset, length }: PlannedRequest, memory: Uint8Array): number {
    this.#writes = this.#writes >= zeroes - 1 ? 1 : this.#writes + 1;
    for (let done = 0; done < length; done += this.#unit) {
      const label = { seed: this.#seed, generation: this.#writes, offset: offset + done };
      fillBlock(this.#words(memory, done), label);
    }
    return this.#writes;
  }

  /** A write, trim or zeroing has begun: until it has succeeded, the content of its range is not known. */
  begin(request: PlannedRequest): void {
    this.#set(request, unknown);
  }

  /** It has succeeded. */
  succeed(request: PlannedRequest, generation: number): void {
    if (request.kind === 'write') this.#set(request, generation);
    else if (request.kind === 'zero') this.#set(request, zeroes);
  }

  /** Checks what was read. Returns the first difference. */
  check({ offset, length }: KnownRun, memory: Uint8Array): ContentMismatch | undefined {
    for (let done = 0; done < length; done += this.#unit) {
      const generation = this.#generations[this.#index(offset + done)] ?? unknown;
      if (generation === unknown) continue;
      const label = { seed: this.#seed, generation: generation === zeroes ? 0 : generation, offset: offset + done };
      if (generation === zeroes) this.#expected.fill(0);
      else fillBlock(this.#expected, label);
      const mismatch = findMismatch(label, this.#expected, this.#words(memory, done));
      if (mismatch !== undefined) return mismatch;
      this.#verifiedBytes += this.#unit;
    }
    return undefined;
  }

  /** Returns the next blocks whose content is known, up to so many bytes of them, and `undefined` behind the last. */
  nextKnown(bytesMax: number): KnownRun | undefined {
    const blocksMax = Math.max(1, Math.floor(bytesMax / this.#unit));
    const { length } = this.#generations;
    while (this.#position < length && this.#generations[this.#position] === unknown) this.#position++;
    const first = this.#position;
    while (
      this.#position < length &&
      this.#position - first < blocksMax &&
      this.#generations[this.#position] !== unknown
    ) {
      this.#position++;
    }
    if (this.#position === first) return undefined;
    return { offset: this.#start + first * this.#unit, length: (this.#position - first) * this.#unit };
  }

  #words(memory: Uint8Array, at: number): Uint32Array {
    return new Uint32Array(memory.buffer, memory.byteOffset + at, this.#unit / 4);
  }

  #index(offset: number): number {
    return (offset - this.#start) / this.#unit;
  }

  #set({ offset, length }: PlannedRequest, generation: number): void {
    const first = this.#index(offset);
    this.#generations.fill(generation, first, first + length / this.#unit);
  }
}
