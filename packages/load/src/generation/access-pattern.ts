/** Where requests go. Positions are bytes from the start of the range, multiples of the unit. */
import type { Random } from './random.ts';
import { Zipf } from './zipf.ts';

/** The range that is used, in bytes: `length` is a multiple of `unit`, as the lengths of all requests are. */
export interface PatternRange {
  readonly length: number;
  readonly unit: number;
}

export interface AccessPattern {
  /** Returns where the next request of this length begins. */
  next(length: number): number;
}

/** One after the other, and from the start again behind the end. */
export class SequentialPattern implements AccessPattern {
  readonly #length: number;
  #position = 0;

  constructor({ length }: PatternRange) {
    this.#length = length;
  }

  next(length: number): number {
    const position = this.#position + length > this.#length ? 0 : this.#position;
    this.#position = position + length;
    return position;
  }
}

/** Each place as often as any other. */
export class RandomPattern implements AccessPattern {
  readonly #random: Random;
  readonly #range: PatternRange;

  constructor(random: Random, range: PatternRange) {
    this.#random = random;
    this.#range = range;
  }

  next(length: number): number {
    const { length: whole, unit } = this.#range;
    return this.#random.below((whole - length) / unit + 1) * unit;
  }
}

/** Few places often, most seldom. The frequent ones are spread over the range. */
export class ZipfPattern implements AccessPattern {
  readonly #zipf: Zipf;
  readonly #range: PatternRange;

  constructor(random: Random, range: PatternRange, exponent: number) {
    this.#range = range;
    this.#zipf = new Zipf(random, range.length / range.unit, exponent);
  }

  next(length: number): number {
    const { length: whole, unit } = this.#range;
    return (scattered(this.#zipf.rank()) % ((whole - length) / unit + 1)) * unit;
  }
}

/** Gives each number its place among 2^53, far from its neighbours'. A few share a place in the end, which changes little. */
function scattered(rank: number): number {
  const low = rank >>> 0;
  const high = Math.floor(rank / 0x100000000);
  const one = mixed(low ^ mixed(high + 0x51ed270b));
  const other = mixed(one ^ 0x2545f491);
  return (one >>> 11) * 0x100000000 + (other >>> 0);
}

function mixed(value: number): number {
  let word = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) | 0;
}
