/** Node's clock, turns and histogram. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { nextTurn, systemClock } from '@nbdjs/node';
import type { LatencyHistogram, LoadSurroundings } from './surroundings.ts';

/** An hour, in nanoseconds. */
const nanosecondsMax = 3_600_000_000_000;

/** HdrHistogram_c, which Node has for its own delays. */
class NodeHistogram implements LatencyHistogram {
  readonly #values: RecordableHistogram = createHistogram({ lowest: 1, highest: nanosecondsMax, figures: 3 });

  record(nanoseconds: number): void {
    this.#values.record(Math.min(nanosecondsMax, Math.max(1, Math.round(nanoseconds))));
  }

  add(other: LatencyHistogram): void {
    if (other instanceof NodeHistogram && other.count > 0) this.#values.add(other.#values);
  }

  reset(): void {
    this.#values.reset();
  }

  get count(): number {
    return this.#values.count;
  }

  get min(): number {
    return this.#values.min;
  }

  get max(): number {
    return this.#values.max;
  }

  get mean(): number {
    return this.#values.mean;
  }

  get deviation(): number {
    return this.#values.stddev;
  }

  percentile(percent: number): number {
    return this.#values.percentile(percent);
  }
}

/** Makes a histogram of latencies: native code of Node, 0.3 MB. */
export function createLatencyHistogram(): LatencyHistogram {
  return new NodeHistogram();
}

/** What Node offers to a load. */
export const nodeSurroundings: LoadSurroundings = {
  clock: systemClock,
  createHistogram: createLatencyHistogram,
  nextTurn,
};
