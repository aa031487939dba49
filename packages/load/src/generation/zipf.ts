/** Numbers of which few come often and most come seldom, as the blocks of real disks are used. */
import type { Random } from './random.ts';

/**
 * Draws ranks from 1 to `count`: the rank k is drawn as often as 1 / k^exponent says. By rejection-inversion (Hörmann and Derflinger,
 * 1996): a draw costs the same for any count, and no table is needed.
 */
export class Zipf {
  readonly #random: Random;
  readonly #count: number;
  readonly #exponent: number;
  readonly #first: number;
  readonly #last: number;
  readonly #squeeze: number;

  /** `exponent`: above 0; the larger, the more uneven. */
  constructor(random: Random, count: number, exponent: number) {
    this.#random = random;
    this.#count = count;
    this.#exponent = exponent;
    this.#first = this.#integral(1.5) - 1;
    this.#last = this.#integral(count + 0.5);
    this.#squeeze = 2 - this.#inverse(this.#integral(2.5) - this.#density(2));
  }

  rank(): number {
    for (;;) {
      const area = this.#last + this.#random.fraction() * (this.#first - this.#last);
      const point = this.#inverse(area);
      const rank = Math.min(this.#count, Math.max(1, Math.floor(point + 0.5)));
      if (rank - point <= this.#squeeze || area >= this.#integral(rank + 0.5) - this.#density(rank)) return rank;
    }
  }

  #density(point: number): number {
    return Math.exp(-this.#exponent * Math.log(point));
  }

  /** The area below the density, up to a constant; with exponents around 1, where the formula divides by 0, by `expm1`. */
  #integral(point: number): number {
    const logarithm = Math.log(point);
    const scaled = (1 - this.#exponent) * logarithm;
    return (Math.abs(scaled) > 1e-8 ? Math.expm1(scaled) / scaled : 1 + scaled / 2) * logarithm;
  }

  #inverse(area: number): number {
    const scaled = Math.max(-1, area * (1 - this.#exponent));
    return Math.exp((Math.abs(scaled) > 1e-8 ? Math.log1p(scaled) / scaled : 1 - scaled / 2) * area);
  }
}
