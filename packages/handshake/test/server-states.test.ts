/** The server's table of states: the tests take every step in it, and no other. */
import { encodeClientFlags, encodeOption, Option } from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import { ServerHandshake, type ServerHandshakeOptions, serverHandshakeStates } from '../src/index.ts';
import { abort, ask, exportName, go, startTls } from './client-words.ts';
import { concat } from './hex.ts';
import { disk, play, step, stepsTaken } from './play-server.ts';

/** A handshake that was fed `words`, byte by byte, and whose driver has answered nothing. */
function after(options: ServerHandshakeOptions, ...words: readonly Uint8Array[]): ServerHandshake {
  const server = new ServerHandshake(options);
  for (const byte of concat(words)) {
    server.writable()[0] = byte;
    step(server, () => server.advance(1));
  }
  return server;
}

const flags = encodeClientFlags(3);

describe('the states of the server', () => {
  it('show whether it is the turn of client or driver', () => {
    expect(after({}).state).toBe('greeting');
    expect(after({}, flags)).toMatchObject({ state: 'option', turn: 'client' });
    expect(after({}, flags, go())).toMatchObject({ state: 'answering', turn: 'driver' });
    expect(after({}, flags, ask({ option: Option.List }))).toMatchObject({ state: 'answering', turn: 'driver' });
    expect(after({ tls: 'allow' }, flags, startTls)).toMatchObject({ state: 'tls', turn: 'driver' });
    expect(after({}, flags, abort)).toMatchObject({ state: 'ended', turn: 'none' });
    expect(after({ style: 'oldstyle' })).toMatchObject({ state: 'answering', turn: 'driver' });
  });

  it('end in failed from every state but the final ones', () => {
    for (const server of [
      after({}),
      after({}, flags),
      after({}, flags, go()),
      after({ tls: 'allow' }, flags, startTls),
    ]) {
      step(server, () => server.ended());
      expect(server).toMatchObject({ state: 'failed', turn: 'none' });
      server.ended();
      const ends = [server.nextEvent(), server.nextEvent(), server.nextEvent()].filter(
        (event) => event?.type === 'failed',
      );
      expect(ends).toHaveLength(1);
    }
  });

  it('reject what is fed and answered out of turn', () => {
    const asked = after({}, flags, go());
    expect(() => asked.advance(1)).toThrow(/waits for its driver/);
    expect(() => asked.list([])).toThrow(/no list was asked for/);
    expect(() => asked.tlsEstablished()).toThrow(/no upgrade to TLS/);
    expect(() => after({}, flags).offer(disk)).toThrow(/no export was asked for/);
    step(asked, () => asked.offer(disk));
    expect(asked.state).toBe('transmission');
    expect(() => asked.advance(1)).toThrow(/waits for its driver/);
    asked.offer({ refusal: 'unknown' });
    expect(asked.state).toBe('transmission');
  });

  it('are all those of the table, with every transition between them', () => {
    play([go('nothing'), startTls, encodeOption(4711), exportName('disk')], { options: { tls: 'allow' } });
    play([exportName('nothing')]);
    play([abort]);
    for (const act of [after({}), after({}, flags), after({ tls: 'allow' }, flags, startTls)]) {
      step(act, () => act.ended());
    }
    const ways = Object.entries(serverHandshakeStates).flatMap(([from, { next }]) =>
      Object.keys(next).map((to) => `${from} -> ${to}`),
    );
    // An oldstyle server takes this step in the constructor.
    expect([...stepsTaken, 'greeting -> answering'].sort()).toEqual(ways.sort());
  });
});
