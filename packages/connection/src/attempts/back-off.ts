/** The delays between two attempts: 1, 2, 4, 8, 16, 16, ... seconds, each up to a fifth longer or shorter. */
import { longestDelaysMs as longestSumMs } from '@nbdjs/kit';

export const backOffDelays = { firstMs: 1000, mostMs: 16_000 } as const;

/** Returns how long the first `count` delays take together at most, in milliseconds. */
export function longestDelaysMs(count: number): number {
  return longestSumMs(backOffDelays, count);
}
