/** Waits that always end. */
import type { VirtualClock } from '@nbdjs/testkit';
import { Finding } from './target.ts';

const turnsMax = 5000;

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets everything happen that needs no time, until `isDone`, or until nothing seems to come of it. */
export async function turns(count: number, isDone: () => boolean): Promise<boolean> {
  for (let turnCount = 0; turnCount < count && !isDone(); turnCount++) await turn();
  return isDone();
}

/** Lets turns and virtual time go by until it is done; a finding when it is not after that time. */
export async function finishWithin(
  clock: VirtualClock,
  ms: number,
  isDone: () => boolean,
  what: string,
): Promise<void> {
  if (await turns(3, isDone)) return;
  for (let passedMs = 0; passedMs < ms && !isDone(); passedMs += 1000) {
    await clock.advance(1000);
    await turns(2, isDone);
  }
  if (!(await turns(turnsMax, isDone))) throw new Finding(`${what} is not over after ${ms} ms of virtual time`);
}
