/** Counts of values, from which percentiles are found: exact to one part in 128, in little memory. */

/** Within a power of two, values are told apart by so many bits. */
const bits = 7;
const within = 2 ** bits;

export class LatencyHistogram {
  readonly #counts: number[] = [];
  #count = 0;
  #sum = 0;
  #least = Number.POSITIVE_INFINITY;
  #most = 0;

  /** How many values there are. */
  get count(): number {
    return this.#count;
  }

  get least(): number {
    return this.#count === 0 ? 0 : this.#least;
  }

  get most(): number {
    return this.#most;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Adds a whole number that is not negative. */
  add(value: number): void {
    const index = indexOf(value);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count++;
    this.#sum += value;
    this.#least = Math.min(this.#least, value);
    this.#most = Math.max(this.#most, value);
  }

  /** The value that so many percent of the values do not exceed. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.ceil((this.#count * percent) / 100));
    let seen = 0;
    for (const [index, count] of Object.entries(this.#counts)) {
      seen += count;
      if (seen >= wanted) return Math.min(this.#most, highestOf(Number(index)));
    }
    return this.#most;
  }
}

function indexOf(value: number): number {
  if (value < within) return value;
  const power = Math.floor(Math.log2(value)) - bits;
  return (power + 1) * within + Math.floor(value / 2 ** power) - within;
}

/** The highest whole number with an index. */
function highestOf(index: number): number {
  if (index < within) return index;
  const power = Math.floor(index / within) - 1;
  return ((index % within) + within + 1) * 2 ** power - 1;
}
