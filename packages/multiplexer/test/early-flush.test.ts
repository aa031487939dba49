/** When a journal flushes by itself: early while that costs the server nothing. */
import { Command } from '@nbdjs/protocol';
import type { FakeRequest } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { openSession, type Session, turn } from './session.ts';

const blockBytes = 256 * 1024;

/** Answers what it is asked for; flushes after `flushMs`. */
async function flushingSession(flushMs: number, whenFull: 'give-up' | 'flush' = 'flush'): Promise<Session> {
  const session = await openSession({
    content: new Uint8Array(blockBytes),
    multiplexer: { reconnectDelayMs: 10_000, journal: { bytesMax: 32 * 2 ** 20, whenFull } },
  });
  session.server.onRequest = (request: FakeRequest) => {
    if (request.command === Command.Flush && flushMs > 0) session.clock.schedule(flushMs, () => request.answer());
    else request.answer();
  };
  return session;
}

/** Writes so much, and returns how many flushes there have been. */
async function flushesFor(session: Session, mebi: number): Promise<number> {
  const source = new Uint8Array(blockBytes);
  for (let count = 0; count < mebi * 4; count++) {
    await session.device.write(0, source);
    await session.clock.advance(1);
    await turn();
  }
  return session.server.requestsOf(Command.Flush).length;
}

describe('a journal that flushes by itself', () => {
  it('does so every 2 MiB while the server answers at once', async () => {
    const session = await flushingSession(0);
    expect(await flushesFor(session, 32)).toBeGreaterThanOrEqual(15);
    await session.device.close();
  });

  it('does so at the half once two flushes in a row took their time', async () => {
    const session = await flushingSession(5);
    // The first two are early, to find out.
    expect(await flushesFor(session, 8)).toBe(2);
    expect(await flushesFor(session, 10)).toBe(2);
    expect(await flushesFor(session, 40)).toBe(5);
    await session.device.close();
  });

  it('never does so where it is to give up', async () => {
    const session = await flushingSession(0, 'give-up');
    expect(await flushesFor(session, 40)).toBe(0);
    await session.device.close();
  });
});
