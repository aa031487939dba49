/** What is published, and when. */
import { multiplexerEvents } from '@nbdjs/multiplexer';
import { describe, expect, it } from 'vitest';
import { failure, openSession, turn } from './session.ts';

function recorder() {
  const events: (readonly [event: string, details: Readonly<Record<string, unknown>>])[] = [];
  return {
    events,
    enabled: true,
    emit(event: string, details: Readonly<Record<string, unknown>>) {
      events.push([event, details]);
    },
  };
}

describe('trace', () => {
  it('publishes requests, replies, failures and states', async () => {
    const trace = recorder();
    const { device, server } = await openSession({
      multiplexer: { trace, reconnectDelayMs: 1000 },
      onRequest: (request) => (request.offset === 0n ? request.answer() : request.fail(4000, 'odd')),
    });
    await device.read(0, new Uint8Array(8));
    await failure(device.write(8, new Uint8Array(8), { fua: true }));
    server.connection.hangUp();
    await turn();
    await device.read(0n, new Uint8Array(8));
    await device.close();
    const names = trace.events.map(([event]) => event);
    expect(names.filter((name) => name !== 'reply-chunk' && name !== 'simple-reply')).toEqual([
      'state',
      'request',
      'reply',
      'request',
      'reply',
      'request-failed',
      'unknown-error',
      'state',
      'reconnect-attempt',
      'reconnect-attempt-result',
      'state',
      'request',
      'reply',
      'state',
    ]);
    expect(names.every((name) => (multiplexerEvents.names as readonly string[]).includes(name))).toBe(true);
    expect(trace.events.filter(([event]) => event === 'state').map(([, { state }]) => state)).toEqual([
      'connected',
      'connecting-wait',
      'connected',
      'closed',
    ]);
    expect(trace.events.filter(([event]) => event === 'request')[1]?.[1]).toEqual({
      command: 'WRITE',
      offset: 8n,
      length: 8n,
      flags: ['FUA'],
      cookie: '0x0000000200000000',
    });
    expect(trace.events.find(([event]) => event === 'request-failed')?.[1]).toMatchObject({
      wireError: 4000,
      text: 'odd',
    });
  });

  it('is silent without a subscriber', async () => {
    const trace = { ...recorder(), enabled: false };
    const { device } = await openSession({ multiplexer: { trace } });
    await device.read(0, new Uint8Array(8));
    await device.close();
    expect(trace.events).toEqual([]);
  });
});
