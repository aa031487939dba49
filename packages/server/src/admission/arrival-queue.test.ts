import { beforeEach, expect, it } from 'vitest';
import { ArrivalQueue } from './arrival-queue.ts';

let tasks: (() => void)[];
let queue: ArrivalQueue;
let letIn: number[];

beforeEach(() => {
  tasks = [];
  letIn = [];
  queue = new ArrivalQueue((task) => void tasks.push(task));
});

function arrive(first: number, count: number): void {
  for (let index = first; index < first + count; index++) void queue.turn().then(() => letIn.push(index));
}

/** Runs what was deferred to the next turn, and all that follows at once. */
async function turn(): Promise<void> {
  for (const task of tasks.splice(0)) task();
  await new Promise(setImmediate);
}

it('lets a few clients in at once', async () => {
  arrive(0, 3);
  await new Promise(setImmediate);
  expect(letIn).toEqual([0, 1, 2]);
});

it('lets sixteen in a turn, in the order in which they came', async () => {
  arrive(0, 40);
  await new Promise(setImmediate);
  expect(letIn).toEqual(Array.from({ length: 16 }, (_, index) => index));
  await turn();
  expect(letIn).toHaveLength(32);
  await turn();
  expect(letIn).toEqual(Array.from({ length: 40 }, (_, index) => index));
});

it('has a client that comes later wait behind those that wait', async () => {
  arrive(0, 20);
  await turn();
  arrive(20, 16);
  await new Promise(setImmediate);
  // Four of the first came in this turn, so there is room for twelve.
  expect(letIn).toHaveLength(32);
  await turn();
  expect(letIn).toEqual(Array.from({ length: 36 }, (_, index) => index));
});

it('asks for no further turn when no client has come', async () => {
  arrive(0, 1);
  expect(tasks).toHaveLength(1);
  await turn();
  expect(tasks).toHaveLength(0);
});
