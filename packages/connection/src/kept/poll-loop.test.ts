import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PollLoop } from './poll-loop.ts';

/** A member that writes down what it is told, and goes on until it is quiet. */
class Member {
  readonly heard: boolean[] = [];
  round(isQuiet: boolean): boolean {
    this.heard.push(isQuiet);
    return !isQuiet;
  }
}

test('whoever joins has a round in this turn, and a quiet one when nothing more comes', async () => {
  const rounds = new PollLoop();
  const member = new Member();
  rounds.join(member);
  rounds.join(member);
  expect(member.heard).toEqual([]);
  await turn();
  expect(member.heard).toEqual([false]);
  await turn();
  expect(member.heard).toEqual([false, true]);
  await turn();
  await turn();
  expect(member.heard, 'nothing goes on when nobody is there').toEqual([false, true]);
});

test('it is quiet for nobody while something comes for anybody', async () => {
  const rounds = new PollLoop();
  const [one, other] = [new Member(), new Member()];
  rounds.join(one);
  for (let count = 0; count < 3; count++) {
    rounds.join(other);
    await turn();
  }
  expect(one.heard).toEqual([false, false, false]);
  await turn();
  expect(one.heard.at(-1)).toBe(true);
  expect(other.heard.at(-1)).toBe(true);
});

test('whoever leaves may come again', async () => {
  const rounds = new PollLoop();
  const member = { count: 0, round: () => ++member.count > 5 };
  rounds.join(member);
  await turn();
  await turn();
  expect(member.count).toBe(1);
  rounds.join(member);
  await turn();
  expect(member.count).toBe(2);
});
