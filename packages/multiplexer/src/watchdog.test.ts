import { FakeServer, VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { resolveSettings } from './settings.ts';
import { Watchdog } from './watchdog.ts';

function make(limits: { readonly requestTimeoutMs?: number; readonly silenceMs?: number }, next: number[]) {
  const clock = new VirtualClock();
  const { connector } = new FakeServer();
  const calls: number[] = [];
  const check = (now: number): number => {
    calls.push(now);
    return next.shift() ?? Number.POSITIVE_INFINITY;
  };
  const settings = resolveSettings({ connector, clock, defer: (task) => task(), ...limits });
  return { clock, calls, watchdog: new Watchdog(settings, [{ check }]) };
}

describe('watchdog', () => {
  it('is not needed without limits', () => {
    expect(make({}, []).watchdog.isNeeded).toBe(false);
    expect(make({ silenceMs: 1 }, []).watchdog.isNeeded).toBe(true);
  });

  it('has one timer, which rings when the first limit may be reached, and stops when nothing is under way', async () => {
    const { clock, calls, watchdog } = make({ requestTimeoutMs: 500, silenceMs: 200 }, []);
    const start = clock.now();
    for (let request = 0; request < 10; request++) expect(watchdog.begin()).toBe(Math.floor(start));
    expect(clock.pending).toBe(1);
    await clock.advance(199);
    expect(calls).toEqual([]);
    await clock.advance(1);
    expect([calls, clock.pending]).toEqual([[start + 200], 0]);
  });

  it('rings again when something is due, but not later than a new limit may be reached', async () => {
    const clockStart = 0;
    const { clock, calls, watchdog } = make({ silenceMs: 200 }, [clockStart + 250, clockStart + 10_000]);
    const start = clock.now();
    watchdog.begin();
    await clock.advance(200);
    await clock.advance(1000);
    const after = calls.map((now) => now - start);
    expect(after[0]).toBe(200);
    expect((after[1] as number) - 200).toBeLessThanOrEqual(200);
    expect(after).toHaveLength(3);
  });

  it('stops', async () => {
    const { clock, calls, watchdog } = make({ silenceMs: 200 }, []);
    watchdog.begin();
    watchdog.stop();
    await clock.advance(1000);
    expect([calls, clock.pending]).toEqual([[], 0]);
  });
});
