import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { RaceLost, raceAddresses } from './address-race.ts';

interface Attempt {
  readonly address: string;
  readonly beganMs: number;
  readonly signal: AbortSignal;
  win(): void;
  fail(reason: string): void;
}

function setUp(...addresses: string[]) {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const attempts: Attempt[] = [];
  const race = raceAddresses(
    addresses,
    (address, signal) =>
      new Promise<string>((resolve, reject) => {
        const fail = (reason: string): void => reject(new Error(reason));
        signal.addEventListener('abort', () => fail('called off'));
        attempts.push({ address, beganMs: clock.now(), signal, win: () => resolve(address), fail });
      }),
    { nextMs: 250, clock, signal: stop.signal },
  );
  const outcomes = race.then(
    () => undefined,
    (error: RaceLost<string>) => error.outcomes.map((one) => [one.address, one.error?.message]),
  );
  const begun = (): unknown => attempts.map(({ address, beganMs }) => [address, beganMs]);
  return { clock, stop, attempts, race, outcomes, begun };
}

describe('addresses in a race (RFC 8305, section 5)', () => {
  it('B8: has the next one join in after a while, and leaves the slow one running', async () => {
    const { clock, attempts, race, begun } = setUp('a', 'b', 'c');
    await clock.advance(249);
    expect(begun()).toEqual([['a', 0]]);
    await clock.advance(300);
    expect(begun()).toEqual([
      ['a', 0],
      ['b', 250],
      ['c', 500],
    ]);
    attempts[1]?.fail('refused');
    await clock.advance(20_000);
    attempts[0]?.win();
    expect(await race).toBe('a');
    expect(attempts.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
    expect(clock.pending).toBe(0);
  });

  it('B8: goes on with the next one at once when one fails, and then gives that its own time', async () => {
    const { clock, attempts, begun, race } = setUp('a', 'b', 'c');
    await clock.advance(100);
    attempts[0]?.fail('refused');
    await clock.advance(249);
    expect(begun()).toEqual([
      ['a', 0],
      ['b', 100],
    ]);
    await clock.advance(1);
    expect(attempts).toHaveLength(3);
    attempts[2]?.win();
    expect(await race).toBe('c');
  });

  it('B8: is lost when all have failed, each with its own reason', async () => {
    const { clock, attempts, outcomes } = setUp('a', 'b');
    attempts[0]?.fail('unreachable');
    await clock.advance(0);
    attempts[1]?.fail('refused');
    expect(await outcomes).toEqual([
      ['a', 'unreachable'],
      ['b', 'refused'],
    ]);
    expect(clock.pending).toBe(0);
  });

  it('B8: reports the addresses without an answer when it is cancelled', async () => {
    const { clock, stop, attempts, outcomes } = setUp('a', 'b', 'c');
    await clock.advance(250);
    attempts[1]?.fail('refused');
    await clock.advance(0);
    stop.abort();
    expect(await outcomes).toEqual([
      ['a', undefined],
      ['b', 'refused'],
      ['c', undefined],
    ]);
    expect(attempts.every(({ signal }) => signal.aborted)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('is over at once without addresses, or when it is called off beforehand', async () => {
    expect(await setUp().outcomes).toEqual([]);
    const clock = new VirtualClock();
    const options = { nextMs: 250, clock, signal: AbortSignal.abort() };
    await expect(raceAddresses(['a'], () => Promise.resolve(1), options)).rejects.toBeInstanceOf(RaceLost);
  });
});
