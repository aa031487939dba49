/** "TLS support": never weaker than asked for, and nothing injected before it. */
import { ConnectError, ProtocolError } from '@nbdjs/interfaces';
import { encodeGreeting, Option, OptionReply } from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import { ClientHandshake } from '../src/index.ts';
import { hex } from './hex.ts';
import { type Act, errorOf, factsOf, play } from './play.ts';
import { abort, ack, error, gone, greeting, plainGreeting, unsupported } from './words.ts';

const upgraded: Act = (handshake) => handshake.tlsEstablished();
const clearText = encodeGreeting({ style: 'oldstyle', size: 1n, handshakeFlags: 0, transmissionFlags: 1 });

describe('TLS required', () => {
  it.each([
    OptionReply.ErrUnsupported,
    OptionReply.ErrPolicy,
    OptionReply.ErrPlatform,
    OptionReply.ErrInvalid,
    OptionReply.ErrTlsRequired,
    0x8000_0077,
  ])('C23: no refusal of STARTTLS (%d) leads into clear text', (type) => {
    const outcome = play({ tls: 'require' }, greeting, error(Option.StartTls, type, 'no'));
    expect(errorOf(outcome)).toMatchObject({ code: 'ERR_NBD_TLS_REFUSED', option: 'STARTTLS', permanent: true });
    expect(outcome.sent.subarray(-16)).toEqual(abort);
    expect(outcome.sent).toHaveLength(4 + 16 + 16);
  });

  it('C20: not with a server of the plain newstyle, which is left without a message', () => {
    const outcome = play({ tls: 'require' }, plainGreeting);
    expect(errorOf(outcome)).toMatchObject({
      code: 'ERR_NBD_TLS_REFUSED',
      message: 'TLS is required but the server cannot negotiate it: it does not offer the fixed newstyle handshake',
    });
    expect(outcome.sent).toHaveLength(4);
  });

  it('C20: not when the caller has excluded the fixed newstyle', () => {
    expect(errorOf(play({ tls: 'require', handshakeFlags: 2 }, greeting))).toMatchObject({
      code: 'ERR_NBD_TLS_REFUSED',
    });
  });

  it('C20, C26: not with an oldstyle server', () => {
    expect(errorOf(play({ tls: 'require' }, clearText))).toMatchObject({ code: 'ERR_NBD_TLS_REFUSED' });
  });
});

describe('TLS allowed', () => {
  it('C23, C26: goes on in clear text when STARTTLS is refused', () => {
    const outcome = play({ tls: 'allow', mode: 'simple' }, greeting, unsupported(Option.StartTls), ...gone);
    expect(factsOf(outcome).tls).toBe(false);
  });

  it('C17: but not when the server is shutting down', () => {
    const outcome = play({ tls: 'allow' }, greeting, error(Option.StartTls, OptionReply.ErrShutdown));
    expect(errorOf(outcome)).toMatchObject({ code: 'ERR_NBD_SERVER_SHUTDOWN', permanent: false });
  });

  it('C20: is not asked for where it cannot be', () => {
    const outcome = play({ tls: 'allow' }, plainGreeting, hex('0000000000000400 0001'));
    expect(factsOf(outcome)).toMatchObject({ style: 'newstyle', tls: false });
  });
});

describe('the upgrade', () => {
  it('C22: waits for the transport and sends nothing meanwhile', () => {
    const handshake = new ClientHandshake({ tls: 'require', mode: 'simple' });
    handshake.receive(greeting);
    handshake.takeOutput();
    handshake.receive(ack(Option.StartTls));
    expect(handshake.nextEvent()).toEqual({ type: 'tls-upgrade' });
    expect(handshake.state).toBe('tls');
    expect(handshake.takeOutput()).toEqual([]);
    handshake.tlsEstablished();
    expect(handshake.state).toBe('option');
    expect(handshake.takeOutput()).toHaveLength(1);
  });

  it('C29: nothing confidential is sent before', () => {
    const outcome = play({ tls: 'require', exportName: 'secret' }, greeting, ack(Option.StartTls));
    expect(outcome.sent).toEqual(hex('00000003 "IHAVEOPT" 00000005 00000000'));
  });

  it('bytes between the consent and the upgrade are an injection: no ABORT, no going on', () => {
    const outcome = play(
      { tls: 'require' },
      greeting,
      ack(Option.StartTls),
      (handshake) => expect(handshake.state).toBe('tls'),
      hex('00'),
      (handshake) => expect(handshake.state).toBe('failed'),
    );
    expect(outcome.events.map((event) => event.type)).toEqual(['tls-upgrade', 'failed']);
    expect(errorOf(outcome)).toMatchObject({ violation: 'clear-text-behind-starttls', rule: 'S25' });
    expect(outcome.sent).toHaveLength(4 + 16);
  });

  it('injected in the same chunk as the consent, they keep the driver from upgrading at all', () => {
    const handshake = new ClientHandshake({ tls: 'require' });
    handshake.receive(greeting);
    handshake.receive(Uint8Array.of(...ack(Option.StartTls), ...ack(Option.ExtendedHeaders)));
    expect(handshake.nextEvent()).toMatchObject({ type: 'failed', error: { violation: 'clear-text-behind-starttls' } });
    expect(handshake.nextEvent()).toBeUndefined();
    expect(() => handshake.tlsEstablished()).toThrow('no upgrade to TLS is under way');
  });

  it('C22: a failed upgrade is the end, without a message', () => {
    const cause = new Error('certificate has\nexpired');
    const outcome = play({ tls: 'allow' }, greeting, ack(Option.StartTls), (handshake) => handshake.ended(cause));
    expect(errorOf(outcome)).toMatchObject({
      code: 'ERR_NBD_TLS',
      message: 'upgrade to TLS failed: certificate has expired',
      cause,
    });
    expect(outcome.sent).toHaveLength(4 + 16);
  });

  it('keeps the error of the transport for a failure', () => {
    const cause = new ConnectError('ERR_NBD_TLS', 'certificate is for another host', { permanent: true });
    const outcome = play({ tls: 'allow' }, greeting, ack(Option.StartTls), (handshake) => handshake.ended(cause));
    expect(errorOf(outcome)).toBe(cause);
  });

  it('keeps the error of the transport about clear text, and one that comes only after TLS is established', () => {
    const smuggled = new ProtocolError('clear-text-behind-starttls', 'clear text', { phase: 'option', rule: 'S25' });
    const early = play({ tls: 'allow' }, greeting, ack(Option.StartTls), (handshake) => handshake.ended(smuggled));
    expect(errorOf(early)).toBe(smuggled);
    // With TLS 1.3 a server checks a client's certificate when the client has finished the handshake.
    const refused = new ConnectError('ERR_NBD_TLS', 'the server demands a certificate', { permanent: true });
    const acts: readonly Act[] = [upgraded, (handshake) => handshake.ended(refused)];
    const late = play({ tls: 'require' }, greeting, ack(Option.StartTls), ...acts);
    expect(errorOf(late)).toBe(refused);
  });

  it('keeps the exit of a server that is a program, at any time', () => {
    const ended = new ConnectError('ERR_NBD_COMMAND', '[ false ]: it ended with exit code 1', { permanent: true });
    expect(errorOf(play({}, (handshake) => handshake.ended(ended)))).toBe(ended);
    expect(errorOf(play({ tls: 'allow' }, greeting, (handshake) => handshake.ended(ended)))).toBe(ended);
  });

  it('a server that disconnects instead of upgrading', () => {
    const outcome = play({ tls: 'allow' }, greeting, ack(Option.StartTls), (handshake) => handshake.ended());
    expect(errorOf(outcome)).toMatchObject({
      code: 'ERR_NBD_TLS',
      message: 'upgrade to TLS failed: the server closed the connection',
    });
  });

  it('C21: is not asked for again', () => {
    play(
      { tls: 'require', optionMode: true, mode: 'simple' },
      greeting,
      ack(Option.StartTls),
      upgraded,
      (handshake) => {
        expect(handshake.state).toBe('negotiating');
        expect(() => handshake.startTls()).toThrow('TLS is running already');
      },
    );
  });

  it('C25, C36: makes mode and contexts void that were agreed on before, by hand', () => {
    const outcome = play(
      { optionMode: true, mode: 'simple', contexts: [] },
      greeting,
      (handshake) => handshake.structuredReplies(),
      ack(Option.StructuredReply),
      (handshake) => handshake.setMetaContexts('', ['base:allocation']),
      hex('0003e889 045565a9 0000000a 00000004 00000013 00000001 "base:allocation"'),
      ack(Option.SetMetaContext),
      (handshake) => handshake.startTls(),
      ack(Option.StartTls),
      upgraded,
      (handshake) => handshake.go(),
      ...gone,
    );
    expect(factsOf(outcome)).toMatchObject({ tls: true, mode: 'simple', contexts: [] });
  });
});
