import { VirtualClock } from '@nbdjs/testkit';
import { beforeEach, expect, it } from 'vitest';
import { BusyPoll } from './busy-poll.ts';

let clock: VirtualClock;
let turns: (() => void)[];
let poll: BusyPoll;

beforeEach(() => {
  clock = new VirtualClock();
  turns = [];
  poll = new BusyPoll(clock, (task) => turns.push(task), 2);
});

/** Turns the loop until it would go to sleep, or so often; tells how often it turned. */
async function turnsUntilAsleep(most = 100, msPerTurn = 0.5): Promise<number> {
  let count = 0;
  for (let task = turns.shift(); task !== undefined && count < most; task = turns.shift()) {
    await clock.advance(msPerTurn);
    task();
    count++;
  }
  return count;
}

it('sleeps at once before a client has come back quickly', async () => {
  poll.heard();
  poll.quiet();
  expect(turns).toHaveLength(0);
});

it('looks for the given time, once a client has come back quickly', async () => {
  poll.quiet();
  await clock.advance(2);
  poll.heard();
  poll.quiet();
  // The window begins with the first turn.
  expect(await turnsUntilAsleep()).toBe(5);
});

it('looks once at a time, however much comes, and anew from each answer on', async () => {
  poll.quiet();
  poll.heard();
  for (let count = 0; count < 10; count++) {
    poll.quiet();
    await clock.advance(1);
    poll.heard();
    expect(turns).toHaveLength(1);
  }
});

it('stops when clients take their time, and starts again when they do not', async () => {
  poll.quiet();
  poll.heard();
  poll.quiet();
  await turnsUntilAsleep();
  await clock.advance(1);
  poll.heard();
  poll.quiet();
  expect(turns).toHaveLength(0);
  poll.heard();
  poll.quiet();
  expect(turns).toHaveLength(1);
});

it('comes to an end even when time does not pass', async () => {
  poll.quiet();
  poll.heard();
  poll.quiet();
  expect(await turnsUntilAsleep(20_000, 0)).toBe(10_000);
});

it.each([
  ['with a window of 0', (task: () => void) => turns.push(task), 0],
  ['where there are no turns', undefined, 2],
] as const)('never looks %s', (_, nextTurn, windowMs) => {
  poll = new BusyPoll(clock, nextTurn, windowMs);
  poll.quiet();
  poll.heard();
  poll.quiet();
  expect(turns).toHaveLength(0);
});
