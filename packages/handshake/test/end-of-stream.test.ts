/** A stream that ends: after every byte of every kind of handshake, with an error that names the step. */
import { ConnectError, NegotiationError } from '@nbdjs/interfaces';
import { Option, OptionReply } from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import { ClientHandshake, type ClientHandshakeOptions } from '../src/index.ts';
import { converse } from './converse.ts';
import { errorOf, play } from './play.ts';
import { ScriptedServer, type ServerSettings } from './scripted-server.ts';
import { ack, error, gone, greeting, plainGreeting } from './words.ts';

const exports = {
  disk: {
    size: 4096n,
    description: 'mine',
    contexts: ['base:allocation'],
    blockSizes: { minimum: 1, preferred: 4096, maximum: 65_536 },
  },
};

const handshakes: readonly (readonly [string, ClientHandshakeOptions, ServerSettings])[] = [
  ['extended headers', { exportName: 'disk', fullInfo: true }, { exports }],
  [
    'structured replies',
    { exportName: 'disk' },
    { exports, refuse: { [Option.ExtendedHeaders]: OptionReply.ErrUnsupported } },
  ],
  ['TLS', { exportName: 'disk', tls: 'require' }, { exports, tls: 'require' }],
  [
    'EXPORT_NAME',
    { exportName: 'disk', mode: 'simple' },
    { exports, noZeroes: false, refuse: { [Option.Go]: OptionReply.ErrUnsupported } },
  ],
  ['plain newstyle', { exportName: 'disk' }, { exports, style: 'newstyle' }],
  ['oldstyle', {}, { style: 'oldstyle' }],
  ['an unknown export', { exportName: 'nope' }, { exports }],
];

/** Ends the server's stream after `bytesMax` bytes. Returns the client's last event, and how many bytes there are in all. */
function endAfter(bytesMax: number, options: ClientHandshakeOptions, settings: ServerSettings) {
  const client = new ClientHandshake(options);
  let heard = 0;
  const events = converse(client, new ScriptedServer(settings), (bytes) => {
    const kept = bytes.subarray(0, Math.max(0, bytesMax - heard));
    heard += bytes.length;
    return kept;
  });
  client.ended();
  return {
    end: events.at(-1)?.type === 'tls-upgrade' ? client.nextEvent() : (client.nextEvent() ?? events.at(-1)),
    heard,
  };
}

describe('the end of the stream after every byte', () => {
  it.each(handshakes)('of a handshake with %s is an error that names the step', (_, options, settings) => {
    const { heard } = endAfter(Number.POSITIVE_INFINITY, options, settings);
    expect(heard).toBeGreaterThan(20);
    for (let bytes = 0; bytes < heard; bytes++) {
      const { end } = endAfter(bytes, options, settings);
      if (end?.type !== 'failed') throw new Error(`after ${bytes} bytes: ${end?.type}`);
      if (end.error instanceof NegotiationError) {
        expect(end.error.code).toBe('ERR_NBD_UNKNOWN_EXPORT');
        continue;
      }
      expect(end.error).toBeInstanceOf(ConnectError);
      expect(end.error).toMatchObject({
        code: expect.stringMatching(/^ERR_NBD_(PEER_CLOSED|OUT_OF_STEP)$/),
        permanent: false,
      });
      expect(end.error.message).toMatch(
        bytes < 18
          ? /^the server closed the connection while sending its greeting$/
          : /^the server closed the connection (while (answering option [A-Z_]+|sending its greeting)|after it had refused option GO: .*)$/,
      );
    }
  });

  it.each(handshakes)('but not after the last byte, with %s', (_, options, settings) => {
    const { end } = endAfter(Number.POSITIVE_INFINITY, options, settings);
    expect(end?.type).toBe(options.exportName === 'nope' ? 'failed' : 'established');
  });
});

describe('the end of the stream', () => {
  it('names the option that was being answered', () => {
    const [info] = gone;
    const outcome = play({ mode: 'simple' }, greeting, info, (handshake) => handshake.ended());
    expect(errorOf(outcome).message).toBe('the server closed the connection while answering option GO');
    // The stream has ended, so no ABORT is sent.
    expect(outcome.sent).toHaveLength(4 + 16 + 8);
  });

  it('keeps the cause of a broken channel', () => {
    const cause = new Error('read\nETIMEDOUT');
    const outcome = play({ mode: 'simple' }, greeting, (handshake) => handshake.ended(cause));
    expect(errorOf(outcome)).toMatchObject({
      message: 'the connection broke while answering option GO: read ETIMEDOUT',
      cause,
    });
  });

  it('while it is the turn of the caller is reported, and later orders are refused', () => {
    const outcome = play({ optionMode: true, mode: 'simple' }, greeting, (handshake) => {
      handshake.ended();
      expect(() => handshake.list()).toThrow('option LIST is out of turn: the handshake is in state failed');
    });
    expect(errorOf(outcome).message).toBe('the server closed the connection while idle between two options');
  });

  it('instead of an answer to EXPORT_NAME means an unknown export, also as a reset', () => {
    for (const cause of [undefined, Object.assign(new Error('reset'), { code: 'ECONNRESET' })]) {
      const outcome = play({ exportName: 'e' }, plainGreeting, (handshake) => handshake.ended(cause));
      expect(errorOf(outcome)).toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT', permanent: true });
    }
  });

  it('but not when the network is the cause, or the answer had begun', () => {
    const cause = Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' });
    const broken = play({ exportName: 'e' }, plainGreeting, (handshake) => handshake.ended(cause));
    expect(errorOf(broken)).toMatchObject({ code: 'ERR_NBD_PEER_CLOSED', cause });
    const half = play({ exportName: 'e' }, plainGreeting, new Uint8Array(3), (handshake) => handshake.ended());
    expect(errorOf(half)).toMatchObject({ code: 'ERR_NBD_PEER_CLOSED' });
  });

  it.each(['EPIPE', 'ECONNRESET', 'ECONNABORTED'])('A6: is reported in words, not as %s', (code) => {
    const cause = Object.assign(new Error(`write ${code}`), { code });
    const outcome = play({ mode: 'simple' }, greeting, (handshake) => handshake.ended(cause));
    expect(errorOf(outcome)).toMatchObject({
      message: 'the server closed the connection while answering option GO',
      option: 'GO',
      cause,
    });
  });

  it('A6: after an unknown option with data is attributed to that one, until another is answered', () => {
    const refused = error(Option.Go, OptionReply.ErrUnsupported);
    const asked = { exportName: 'e', mode: 'simple' } as const;
    for (const cause of [undefined, Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })]) {
      const outcome = play(asked, greeting, refused, (handshake) => handshake.ended(cause));
      expect(errorOf(outcome)).toMatchObject({
        code: 'ERR_NBD_OUT_OF_STEP',
        permanent: false,
        option: 'GO',
        message:
          "the server closed the connection after it had refused option GO: it may have got out of sync there, or have no export 'e'",
      });
    }
    const unknownInfo = error(Option.Info, OptionReply.ErrUnsupported);
    const steps = [greeting, (client: ClientHandshake) => client.info('e'), unknownInfo] as const;
    const listing = (client: ClientHandshake) => client.list();
    const options = { ...asked, optionMode: true };
    expect(errorOf(play(options, ...steps, listing, (client) => client.ended()))).toMatchObject({
      message: 'the server closed the connection after it had refused option INFO: it may have got out of sync there',
    });
    const kept = play(options, ...steps, listing, ack(Option.List), listing, (client) => client.ended());
    expect(errorOf(kept)).toMatchObject({ option: 'LIST' });
  });

  it('after the end changes nothing', () => {
    const outcome = play({ mode: 'simple' }, greeting, ...gone, (handshake) => handshake.ended());
    expect(outcome.events.map((event) => event.type)).toEqual(['established']);
    expect(outcome.state).toBe('transmission');
  });
});
