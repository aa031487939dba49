import type { ByteChannel, CloseReason } from '@nbdjs/interfaces';
import { ConnectError } from '@nbdjs/interfaces';
import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { type StayEvent, stayConnected } from '../src/index.ts';

/** A channel that only ends. */
function channelThat() {
  let settle: (reason: CloseReason) => void = () => {};
  const closed = new Promise<CloseReason>((resolve) => {
    settle = resolve;
  });
  const channel = { closed, destroy: () => settle({ by: 'us' }) } as unknown as ByteChannel;
  return { channel, end: (reason: CloseReason) => settle(reason) };
}

function setUp(outcomes: readonly (ByteChannel | Error)[], options = {}) {
  const clock = new VirtualClock();
  const events: StayEvent[] = [];
  const given: ByteChannel[] = [];
  let attempts = 0;
  const opener = {
    open: async () => {
      const outcome = outcomes[attempts++];
      if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error('no more');
      return outcome;
    },
  };
  const work = stayConnected(opener, (channel) => given.push(channel), {
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  });
  work.catch(() => {});
  return { clock, events, given, work, attempts: () => attempts };
}

const lost = (message: string): CloseReason => ({ by: 'error', cause: new Error(message) });
const refused = new ConnectError('ERR_NBD_REFUSED', 'refused');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('staying connected', () => {
  it('connects again after a loss, with delays that grow, and ends when the other side does', async () => {
    const [first, second] = [channelThat(), channelThat()];
    const { clock, events, given, work, attempts } = setUp([first.channel, refused, refused, second.channel]);
    await turn();
    first.end(lost('cut'));
    for (let round = 0; round < 4; round++) await clock.advance(20_000);
    expect(given).toEqual([first.channel, second.channel]);
    expect(attempts()).toBe(4);
    expect(events.map(({ type }) => type)).toEqual(['connected', 'lost', 'failed', 'failed', 'connected']);
    const delays = events.flatMap((event) => ('delayMs' in event ? [event.delayMs] : []));
    for (const [index, delayMs] of delays.entries()) {
      expect(delayMs).toBeGreaterThanOrEqual(800 * 2 ** index);
      expect(delayMs).toBeLessThanOrEqual(1200 * 2 ** index);
    }
    second.end({ by: 'peer' });
    await work;
    expect(clock.pending).toBe(0);
  });

  it('does not repeat the first attempt, unless that is asked for', async () => {
    await expect(setUp([refused]).work).rejects.toBe(refused);
    const { channel, end } = channelThat();
    const { clock, work, events } = setUp([refused, channel], { retryFirst: true });
    await clock.advance(2000);
    expect(events.map(({ type }) => type)).toEqual(['failed', 'connected']);
    end({ by: 'peer' });
    await work;
  });

  it('gives up what would fail in the same way again', async () => {
    const permanent = new ConnectError('ERR_NBD_CONNECT', 'HTTP 401', { permanent: true });
    const { channel, end } = channelThat();
    const { clock, work } = setUp([channel, permanent]);
    await turn();
    end(lost('cut'));
    await clock.advance(2000);
    await expect(work).rejects.toBe(permanent);
  });

  it('is ended by its signal, in each of its states', async () => {
    const during = new AbortController();
    const { channel } = channelThat();
    const connected = setUp([channel], { signal: during.signal });
    await turn();
    during.abort();
    await connected.work;
    expect(await channel.closed).toEqual({ by: 'us' });
    const waiting = new AbortController();
    const delayed = setUp([refused], { signal: waiting.signal, retryFirst: true });
    await turn();
    waiting.abort();
    await delayed.work;
    expect(delayed.clock.pending).toBe(0);
    expect(delayed.attempts()).toBe(1);
  });

  it('destroys a channel that its receiver has refused by throwing', async () => {
    const { channel } = channelThat();
    const work = stayConnected({ open: async () => channel }, () => {
      throw new Error('not this one');
    });
    await expect(work).rejects.toThrow('not this one');
    await expect(channel.closed).resolves.toEqual({ by: 'us' });
  });
});
