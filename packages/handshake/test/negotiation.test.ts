/** What is agreed on with correct servers, old and new, and the errors that their refusals become. */
import { NegotiationError, UsageError } from '@nbdjs/interfaces';
import {
  encodeGreeting,
  encodeInfoReply,
  encodeMetaContextReply,
  encodeOption,
  Option,
  OptionReply,
  options,
} from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import { ClientHandshake, type ClientHandshakeOptions } from '../src/index.ts';
import { converse } from './converse.ts';
import { hex } from './hex.ts';
import { errorOf, factsOf, lastEvent, play } from './play.ts';
import { ScriptedServer, type ServerSettings } from './scripted-server.ts';
import { abort, ack, error, exportInfo, gone, greeting, plainGreeting, unsupported } from './words.ts';

/** Runs both and returns the last event with the options that were asked for, by name. */
function negotiate(clientOptions: ClientHandshakeOptions, settings: ServerSettings) {
  const server = new ScriptedServer(settings);
  const events = converse(new ClientHandshake(clientOptions), server);
  return { end: events.at(-1), asked: server.asked.map((option) => options.name(option)), server };
}

const rich: ServerSettings = {
  exports: { disk: { size: 4096n, description: 'mine', contexts: ['base:allocation'], transmissionFlags: 0x1ced } },
};

describe('order', () => {
  it('C4, C8: extended headers, contexts, GO; structured replies are not asked for any more', () => {
    const { end, asked } = negotiate({ exportName: 'disk' }, rich);
    expect(end).toMatchObject({ facts: { mode: 'extended', contexts: [{ id: 10, name: 'base:allocation' }] } });
    expect(asked).toEqual(['EXTENDED_HEADERS', 'SET_META_CONTEXT', 'GO']);
  });

  it('C67: without extended headers, structured replies', () => {
    const refuse = { [Option.ExtendedHeaders]: OptionReply.ErrUnsupported };
    const { end, asked } = negotiate({ exportName: 'disk' }, { ...rich, refuse });
    expect(end).toMatchObject({ facts: { mode: 'structured', contexts: [{ name: 'base:allocation' }] } });
    expect(asked).toEqual(['EXTENDED_HEADERS', 'STRUCTURED_REPLY', 'SET_META_CONTEXT', 'GO']);
  });

  it('C31: with neither, simple replies and no contexts', () => {
    const refuse = {
      [Option.ExtendedHeaders]: OptionReply.ErrUnsupported,
      [Option.StructuredReply]: OptionReply.ErrPolicy,
    };
    const { end, asked } = negotiate({ exportName: 'disk' }, { ...rich, refuse });
    expect(end).toMatchObject({ facts: { mode: 'simple', contexts: [] } });
    expect(asked).toEqual(['EXTENDED_HEADERS', 'STRUCTURED_REPLY', 'GO']);
  });

  it.each([
    ['simple', ['GO']],
    ['structured', ['STRUCTURED_REPLY', 'SET_META_CONTEXT', 'GO']],
  ] as const)('asks for mode %s at most', (mode, expected) => {
    const { end, asked } = negotiate({ exportName: 'disk', mode }, rich);
    expect(end).toMatchObject({ facts: { mode } });
    expect(asked).toEqual(expected);
  });

  it('C24, C25, C30: STARTTLS before everything else, and GO after it', () => {
    const { end, asked } = negotiate({ exportName: 'disk', tls: 'allow' }, { ...rich, tls: 'allow' });
    expect(end).toMatchObject({ facts: { mode: 'extended', tls: true, contexts: [{ name: 'base:allocation' }] } });
    expect(asked).toEqual(['STARTTLS', 'EXTENDED_HEADERS', 'SET_META_CONTEXT', 'GO']);
  });

  it('C11: each piece of information is asked for once', () => {
    const { end } = negotiate({ exportName: 'disk', fullInfo: true }, rich);
    expect(end).toMatchObject({ facts: { canonicalName: 'disk', description: 'mine' } });
    const sent = play({ fullInfo: true, mode: 'simple' }, greeting).sent;
    expect(sent.subarray(-12)).toEqual(hex('00000000 0003 0003 0001 0002'));
  });
});

describe('what is not agreed on', () => {
  it('C13: information that the server does not give is absent', () => {
    const outcome = play({ mode: 'simple', fullInfo: true }, greeting, ...gone);
    expect(factsOf(outcome)).not.toHaveProperty('blockSizes');
    expect(factsOf(outcome)).not.toHaveProperty('canonicalName');
  });

  it('C28: nothing is kept from one session to the next', () => {
    const first = negotiate({ exportName: 'disk', tls: 'allow' }, { ...rich, tls: 'allow' });
    expect(first.end).toMatchObject({ facts: { tls: true, mode: 'extended' } });
    const refuse = {
      [Option.ExtendedHeaders]: OptionReply.ErrUnsupported,
      [Option.StructuredReply]: OptionReply.ErrUnsupported,
    };
    const second = negotiate({ exportName: 'disk', tls: 'allow' }, { ...rich, refuse });
    expect(second.asked[0]).toBe('STARTTLS');
    expect(second.end).toMatchObject({ facts: { tls: false, mode: 'simple', contexts: [] } });
  });
});

describe('handshake flags', () => {
  it.each([
    ['C2: unknown flags are ignored', 0xfff7, undefined, 3],
    ['C3: NO_ZEROES only if offered', 1, undefined, 1],
    ['C3: NO_ZEROES only if the caller allows it', 3, 1, 1],
    ['C3: nothing when nothing is offered', 0, undefined, 0],
    ['C3: nothing when the caller allows nothing', 3, 0, 0],
    ['C3: no others, even if the caller allows them', 0xffff, 0xffff, 3],
  ])('%s', (_, offered, wanted, agreed) => {
    const options = wanted === undefined ? {} : { handshakeFlags: wanted };
    const outcome = play(options, encodeGreeting({ style: 'newstyle', handshakeFlags: offered }));
    expect(outcome.sent.subarray(0, 4)).toEqual(Uint8Array.of(0, 0, 0, agreed));
  });
});

describe('servers without GO', () => {
  const refuse = { [Option.Go]: OptionReply.ErrUnsupported, [Option.ExtendedHeaders]: OptionReply.ErrUnsupported };

  it('C9, C14, C15: EXPORT_NAME instead, with zeroes', () => {
    const { end, asked } = negotiate({ exportName: 'disk' }, { ...rich, refuse, noZeroes: false });
    expect(asked.slice(-2)).toEqual(['GO', 'EXPORT_NAME']);
    expect(end).toMatchObject({
      type: 'established',
      facts: { size: 4096n, transmissionFlags: 0x1ced, contexts: [{ name: 'base:allocation' }] },
      excess: new Uint8Array(0),
    });
  });

  it('an export that is refused by hanging up is unknown, as a permanent error', () => {
    const { end } = negotiate({ exportName: 'nope'.repeat(30), avoid: ['GO'] }, { ...rich, refuse });
    expect(end).toMatchObject({
      type: 'failed',
      error: {
        code: 'ERR_NBD_UNKNOWN_EXPORT',
        permanent: true,
        option: 'EXPORT_NAME',
        message: `export '${'nope'.repeat(20)}...' was refused: the server hung up when asked for it, so it probably does not exist or needs TLS`,
        cause: { code: 'ERR_NBD_PEER_CLOSED' },
      },
    });
  });

  it('A6: an option to avoid is not sent', () => {
    const ask = (avoid: ClientHandshakeOptions['avoid']) => negotiate({ exportName: 'disk', avoid }, rich);
    expect(ask([]).asked).toEqual(['EXTENDED_HEADERS', 'SET_META_CONTEXT', 'GO']);
    expect(ask(['EXTENDED_HEADERS'])).toMatchObject({
      asked: ['STRUCTURED_REPLY', 'SET_META_CONTEXT', 'GO'],
      end: { facts: { mode: 'structured' } },
    });
    expect(ask(['STRUCTURED_REPLY', 'EXTENDED_HEADERS'])).toMatchObject({ asked: ['GO'] });
    expect(ask(['SET_META_CONTEXT'])).toMatchObject({ asked: ['EXTENDED_HEADERS', 'GO'] });
    // EXPORT_NAME must not follow EXTENDED_HEADERS (C66).
    expect(ask(['GO'])).toMatchObject({
      asked: ['STRUCTURED_REPLY', 'SET_META_CONTEXT', 'EXPORT_NAME'],
      end: { type: 'established', facts: { mode: 'structured', size: 4096n } },
    });
    expect(() => ask(['LIST' as 'GO'])).toThrow("option 'LIST' cannot be avoided");
  });

  it('C5: plain newstyle', () => {
    const { end, asked, server } = negotiate({ exportName: 'disk' }, { ...rich, style: 'newstyle' });
    expect(asked).toEqual(['EXPORT_NAME']);
    expect(server.clientFlags).toBe(2);
    expect(end).toMatchObject({ facts: { style: 'newstyle', mode: 'simple', size: 4096n } });
  });

  it('oldstyle has the default export and no other', () => {
    expect(negotiate({}, { style: 'oldstyle' }).end).toMatchObject({ facts: { style: 'oldstyle', size: 1_048_576n } });
    const refused = play(
      { exportName: 'disk' },
      encodeGreeting({ style: 'oldstyle', size: 1n, handshakeFlags: 0, transmissionFlags: 1 }),
    );
    expect(errorOf(refused)).toMatchObject({
      code: 'ERR_NBD_UNKNOWN_EXPORT',
      message: "export 'disk' is not available: an oldstyle server has one export without a name",
    });
    // The server is in transmission already, so the client leaves by DISC (C6).
    expect(refused.sent).toEqual(hex('25609513 0000 0002', '00'.repeat(20)));
  });
});

describe('refusals', () => {
  it.each([
    ['C17', OptionReply.ErrShutdown, 'ERR_NBD_SERVER_SHUTDOWN', 'is shutting down', false],
    ['C27', OptionReply.ErrTlsRequired, 'ERR_NBD_TLS_REQUIRED', 'requires TLS first', true],
    ['C18', OptionReply.ErrUnknown, 'ERR_NBD_UNKNOWN_EXPORT', 'has no such export', true],
    ['C19', OptionReply.ErrPolicy, 'ERR_NBD_POLICY', 'denies it', true],
    ['C19', OptionReply.ErrInvalid, 'ERR_NBD_INVALID_OPTION', 'finds it invalid', true],
    ['C19', OptionReply.ErrPlatform, 'ERR_NBD_PLATFORM', 'was built without support for it', true],
    ['C19', OptionReply.ErrTooBig, 'ERR_NBD_TOO_BIG', 'finds the request or its answer too big', true],
    [
      'C10',
      OptionReply.ErrBlockSizeRequired,
      'ERR_NBD_BLOCK_SIZE_REQUIRED',
      'requires the client to ask for block sizes',
      true,
    ],
    [
      'S75',
      OptionReply.ErrExtendedHeadersRequired,
      'ERR_NBD_EXTENDED_HEADERS_REQUIRED',
      'requires extended headers first',
      true,
    ],
    ['C18', 0x8000_0077, 'ERR_NBD_OPTION_REFUSED', 'refuses it with option reply 0x80000077', true],
  ])('%s, C6: GO answered by %d is %s, and the client leaves by ABORT', (_, type, code, says, permanent) => {
    const options = { mode: 'simple', requestBlockSizes: false, exportName: 'd' } as const;
    const outcome = play(options, greeting, error(Option.Go, type, 'so there'));
    expect(errorOf(outcome)).toBeInstanceOf(NegotiationError);
    expect(errorOf(outcome)).toMatchObject({
      code,
      permanent,
      message: `option GO for export 'd' failed: the server ${says}; server reported: so there`,
    });
    expect(outcome.sent.subarray(-16)).toEqual(abort);
  });

  it('C17: SHUTDOWN in answer to an optional option ends it too', () => {
    const outcome = play({}, greeting, error(Option.ExtendedHeaders, OptionReply.ErrShutdown));
    expect(errorOf(outcome)).toMatchObject({
      code: 'ERR_NBD_SERVER_SHUTDOWN',
      permanent: false,
      message: 'option EXTENDED_HEADERS failed: the server is shutting down',
    });
    expect(outcome.sent.subarray(-16)).toEqual(abort);
  });

  it('C27: TLS_REQD in answer to the first option ends it at once', () => {
    const { end, asked } = negotiate({ exportName: 'disk' }, { ...rich, tls: 'require' });
    expect(end).toMatchObject({ error: { code: 'ERR_NBD_TLS_REQUIRED', option: 'EXTENDED_HEADERS' } });
    expect(asked).toEqual(['EXTENDED_HEADERS', 'ABORT']);
  });

  it('C35: contexts named before an error reply are dropped, and the export is opened without', () => {
    const outcome = play(
      { mode: 'structured' },
      greeting,
      ack(Option.StructuredReply),
      encodeMetaContextReply(Option.SetMetaContext, { id: 1, name: 'base:allocation' }),
      error(Option.SetMetaContext, OptionReply.ErrTooBig),
      ...gone,
    );
    expect(factsOf(outcome).contexts).toEqual([]);
  });

  it('C36: a context selection that matched nothing is fine', () => {
    const settings = { ...rich, exports: { disk: { size: 1n } } };
    expect(negotiate({ exportName: 'disk' }, settings).end).toMatchObject({ facts: { contexts: [] } });
  });

  it('C6, C63, C65: a size of 2^63 bytes or more is refused, and the server is left by DISC in the agreed form', () => {
    const huge = encodeInfoReply(Option.Go, { kind: 'export', size: 2n ** 63n, transmissionFlags: 1 });
    const compact = play({ mode: 'simple', exportName: 'd' }, greeting, huge, ack(Option.Go));
    expect(errorOf(compact)).toMatchObject({
      code: 'ERR_NBD_TOO_BIG',
      message: "export 'd' is too big: expected at most 9223372036854775807 bytes, got 9223372036854775808",
    });
    expect(compact.sent.subarray(-28)).toEqual(hex('25609513 0000 0002', '00'.repeat(20)));
    // 32 bytes with extended headers (C63), and without the flag PAYLOAD_LEN in either form (C65).
    const extended = play({ contexts: [] }, greeting, ack(Option.ExtendedHeaders), huge, ack(Option.Go));
    expect(errorOf(extended)).toMatchObject({ code: 'ERR_NBD_TOO_BIG' });
    expect(extended.sent.subarray(-32)).toEqual(hex('21e41c71 0000 0002', '00'.repeat(24)));
    const named = play({}, plainGreeting, hex('8000000000000000 0001'));
    expect(errorOf(named)).toMatchObject({ code: 'ERR_NBD_TOO_BIG' });
    expect(named.sent.subarray(-28)).toEqual(hex('25609513 0000 0002', '00'.repeat(20)));
    const largest = encodeInfoReply(Option.Go, { kind: 'export', size: 2n ** 63n - 1n, transmissionFlags: 1 });
    expect(factsOf(play({ mode: 'simple' }, greeting, largest, ack(Option.Go))).size).toBe(2n ** 63n - 1n);
  });
});

describe('calls', () => {
  it.each([
    ['an export name with half a surrogate pair', { exportName: 'a\ud800b' }],
    ['an export name of 4097 bytes', { exportName: 'x'.repeat(4097) }],
    ['C32: a context without namespace', { contexts: [':allocation'] }],
    ['C32: a context without colon', { contexts: ['allocation'] }],
    ['C32: a namespace with a blank', { contexts: ['base x:allocation'] }],
    ['C32: a namespace with a control character', { contexts: ['ba\u0007se:allocation'] }],
  ])('%s is refused before anything is sent', (_, options) => {
    expect(() => new ClientHandshake(options)).toThrow(UsageError);
  });

  it('a context that is given twice is asked for once', () => {
    const contexts = ['base:allocation', 'base:allocation'];
    const { sent } = play({ mode: 'structured', contexts }, greeting, ack(Option.StructuredReply));
    const payload = hex('00000000 00000001 0000000f "base:allocation"');
    expect(sent.subarray(4 + 16)).toEqual(encodeOption(Option.SetMetaContext, payload));
  });

  it('option methods are refused outside option mode, and before their time', () => {
    const handshake = new ClientHandshake();
    expect(() => handshake.list()).toThrow('option LIST is out of turn: the handshake is in state greeting');
    handshake.receive(greeting);
    expect(() => handshake.abort()).toThrow('option ABORT is out of turn: the handshake is in state option');
    expect(() => handshake.tlsEstablished()).toThrow('no upgrade to TLS is under way');
  });

  it('passes on the bytes that came after the end, and refuses later ones', () => {
    const outcome = play({ mode: 'simple' }, greeting, ...gone, hex('01 02'));
    expect(lastEvent(outcome).type).toBe('established');
    expect(outcome.left).toEqual(hex('01 02'));
    const handshake = new ClientHandshake({ mode: 'simple' });
    for (const words of [greeting, ...gone]) handshake.receive(words);
    expect(handshake.nextEvent()?.type).toBe('established');
    expect(() => handshake.receive(hex('03'))).toThrow('the handshake is over: later bytes are not for it');
  });

  it('C14: asks for no byte after the last message of the handshake', () => {
    const handshake = new ClientHandshake({ mode: 'simple' });
    handshake.receive(greeting);
    handshake.receive(exportInfo);
    expect(handshake.writable()).toHaveLength(20);
    const plain = new ClientHandshake();
    plain.receive(plainGreeting);
    expect(plain.writable()).toHaveLength(10);
    const old = new ClientHandshake({ handshakeFlags: 1, mode: 'simple' });
    old.receive(greeting);
    old.receive(unsupported(Option.Go));
    expect(old.writable()).toHaveLength(134);
  });

  it('reports to the trace', () => {
    const reports: string[] = [];
    const trace = { enabled: true, emit: (event: string) => reports.push(event) };
    play({ mode: 'simple', trace }, greeting, ...gone);
    expect(new Set(reports)).toEqual(new Set(['greeting', 'state', 'option', 'option-reply']));
  });
});
