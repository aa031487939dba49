import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PollLoop } from './poll-loop.ts';

/** A member that records its calls, and goes on until it is quiet. */
class Member {
  readonly heard: boolean[] = [];
  poll(isQuiet: boolean): boolean {
    this.heard.push(isQuiet);
    return !isQuiet;
  }
}

test('a member is polled in the next turn, and once more as quiet when nothing more arrives', async () => {
  const loop = new PollLoop();
  const member = new Member();
  loop.join(member);
  loop.join(member);
  expect(member.heard).toEqual([]);
  await turn();
  expect(member.heard).toEqual([false]);
  await turn();
  expect(member.heard).toEqual([false, true]);
  await turn();
  await turn();
  expect(member.heard, 'the loop stops without members').toEqual([false, true]);
});

test('no member is polled as quiet while bytes arrive for another one', async () => {
  const loop = new PollLoop();
  const [one, other] = [new Member(), new Member()];
  loop.join(one);
  for (let count = 0; count < 3; count++) {
    loop.join(other);
    await turn();
  }
  expect(one.heard).toEqual([false, false, false]);
  await turn();
  expect(one.heard.at(-1)).toBe(true);
  expect(other.heard.at(-1)).toBe(true);
});

test('a member that has left may join again', async () => {
  const loop = new PollLoop();
  const member = { count: 0, poll: () => ++member.count > 5 };
  loop.join(member);
  await turn();
  await turn();
  expect(member.count).toBe(1);
  loop.join(member);
  await turn();
  expect(member.count).toBe(2);
});
