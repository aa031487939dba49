/** The server's handshake against the rules, message by message, with the client's bytes cut in different ways. */
import { encodeOption, InfoType, Option, TransmissionFlag } from '@nbdjs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientHandshake, ServerHandshake, type ServerHandshakeEvent } from '../src/index.ts';
import { abort, ask, exportName, extended, go, info, list, set, startTls, structured } from './client-words.ts';
import { concat, hex } from './hex.ts';
import { disk, type Outcome, perform, play } from './play-server.ts';

const typesOf = ({ replies }: Outcome): readonly string[] => replies.map(({ type }) => type);
const namesOf = ({ replies }: Outcome): readonly string[] =>
  replies
    .filter(({ type }) => type === 'META_CONTEXT')
    .map(({ payload }) => new TextDecoder().decode(payload.slice(4)));
const last = ({ events }: Outcome) => events.at(-1);
function factsOf(outcome: Outcome) {
  const event = last(outcome);
  if (event?.type !== 'established') throw new Error(`expected success, got ${event?.type}`);
  return event.facts;
}
function errorOf(outcome: Outcome): string {
  const event = last(outcome);
  if (event?.type !== 'failed') throw new Error(`expected failure, got ${event?.type}`);
  expect(event.error.message).not.toContain('\n');
  return event.error.message;
}

describe('greeting', () => {
  it('S1: offers fixed newstyle and no zeroes, and nothing else', () => {
    expect(play([]).greeting).toEqual(hex('"NBDMAGICIHAVEOPT" 00 03'));
  });

  it('S2: hangs up on unknown flags', () => {
    expect(errorOf(play([go()], { flags: 7 }))).toMatch(/flags 0x7/);
  });

  it('S22: a client without fixed newstyle can only open by EXPORT_NAME', () => {
    expect(errorOf(play([go()], { flags: 0 }))).toMatch(/GO/);
    const outcome = play([exportName('disk')], { flags: 0 });
    expect(factsOf(outcome).style).toBe('newstyle');
    expect(outcome.rest).toHaveLength(134);
  });
});

describe('oldstyle', () => {
  it('S1: describes the default export at once, without handshake flags', () => {
    const { greeting, rest, events, unread } = perform(new Uint8Array(7), { options: { style: 'oldstyle' } }, () => 1);
    const size = '0000000000100000';
    const words = ['4e42444d41474943', '0000420281861253', size, '0000', '0005', '00'.repeat(124)];
    expect(Buffer.concat([greeting, rest]).toString('hex')).toBe(words.join(''));
    expect(events).toMatchObject([
      { type: 'established', facts: { style: 'oldstyle', mode: 'simple', size: disk.size } },
    ]);
    expect(unread).toBe(7);
  });

  it('S6: hangs up when there is no default export, and has no TLS', () => {
    const { events } = perform(new Uint8Array(0), { options: { style: 'oldstyle' }, exports: {} }, () => 1);
    expect(events).toMatchObject([{ type: 'failed', error: { rule: 'S6' } }]);
    expect(() => new ServerHandshake({ style: 'oldstyle', tls: 'require' })).toThrow(/oldstyle handshake has no TLS/);
  });
});

describe('options', () => {
  it('S3: UNSUP for unknown options, and the stream stays in sync', () => {
    const outcome = play([encodeOption(4711, new Uint8Array(1000)), encodeOption(Option.PeekExport), go()]);
    expect(typesOf(outcome)).toEqual(['ERR_UNSUP', 'ERR_UNSUP', 'INFO', 'INFO', 'INFO', 'ACK']);
  });

  it('S4: ABORT is acknowledged with any payload, and is the end', () => {
    const outcome = play([encodeOption(Option.Abort, new Uint8Array(7)), go()]);
    expect(typesOf(outcome)).toEqual(['ACK']);
    expect(last(outcome)).toEqual({ type: 'ended' });
    expect(outcome.unread).toBe(go().length);
  });

  it('S5: INVALID for data with an option that has none', () => {
    for (const option of [Option.List, Option.StructuredReply, Option.ExtendedHeaders, Option.StartTls]) {
      expect(typesOf(play([encodeOption(option, new Uint8Array(3))]))).toEqual(['ERR_INVALID']);
    }
  });

  it('S6: EXPORT_NAME answers with size, flags and zeroes, or hangs up', () => {
    const outcome = play([exportName('disk')]);
    expect(outcome.rest).toEqual(hex('00 00 00 00 00 10 00 00 00 05'));
    expect(play([exportName('disk')], { flags: 1 }).rest).toHaveLength(134);
    for (const name of ['nothing', 'forbidden']) {
      expect(errorOf(play([exportName(name)]))).toContain(`'${name}'`);
    }
  });

  it('S7, S9, S14: INFO and GO describe the export, with all other information, once each', () => {
    const outcome = play([info('disk', [77, InfoType.Name, InfoType.Name]), go('disk')]);
    const kinds = outcome.replies.map(({ type, payload }) => (type === 'INFO' ? (payload[1] ?? -1) : type));
    expect(kinds).toEqual([0, 1, 2, 3, 'ACK', 0, 2, 3, 'ACK']);
    expect(outcome.replies[0]?.payload).toHaveLength(12);
    expect(outcome.rest).toHaveLength(0);
    expect(factsOf(outcome)).toMatchObject({ size: 1_048_576n, exportName: 'disk', knowsBlockSizes: false });
    expect(factsOf(play([go('disk', [InfoType.BlockSize])])).knowsBlockSizes).toBe(true);
  });

  it('S10, S11: UNKNOWN for a name that does not exist, nothing before it; the empty name is the default', () => {
    expect(typesOf(play([go('nothing'), info('nothing')]))).toEqual(['ERR_UNKNOWN', 'ERR_UNKNOWN']);
    expect(typesOf(play([go('forbidden')]))).toEqual(['ERR_POLICY']);
    expect(factsOf(play([go('')])).size).toBe(1_048_576n);
    // A length of the name that is longer than the option.
    expect(typesOf(play([encodeOption(Option.Go, hex('00 00 00 09 61 62 00 00'))]))).toEqual(['ERR_INVALID']);
    expect(typesOf(play([encodeOption(Option.Go, concat([hex('00 00 00 01 61 00 00'), hex('00')]))]))).toEqual([
      'ERR_INVALID',
    ]);
  });

  it('S16: INVALID for what is agreed on already', () => {
    expect(typesOf(play([structured, structured]))).toEqual(['ACK', 'ERR_INVALID']);
    expect(typesOf(play([extended, extended]))).toEqual(['ACK', 'ERR_INVALID']);
  });

  it('S17, S73: flags that depend on the agreement', () => {
    const has = (outcome: Outcome, flag: number) => (factsOf(outcome).transmissionFlags & flag) !== 0;
    const { SendDf, SendFastZero, BlockStatusPayload, HasFlags } = TransmissionFlag;
    expect(has(play([go()]), HasFlags)).toBe(true);
    expect(has(play([go()]), SendDf)).toBe(false);
    expect(has(play([structured, go()]), SendDf)).toBe(true);
    expect(has(play([go()]), SendFastZero)).toBe(false);
    expect(has(play([extended, go()]), BlockStatusPayload)).toBe(false);
    expect(has(play([extended, set(['base:allocation']), go()]), BlockStatusPayload)).toBe(true);
    expect(has(play([structured, set(['base:allocation']), go()]), BlockStatusPayload)).toBe(false);
  });

  it('S18: SHUTDOWN for everything but ABORT while it shuts down', () => {
    const outcome = play([go(), ask({ option: Option.List }), abort], { shutDown: true });
    expect(typesOf(outcome)).toEqual(['ERR_SHUTDOWN', 'ERR_SHUTDOWN', 'ACK']);
    expect(last(outcome)?.type).toBe('ended');
    expect(errorOf(play([exportName('disk')], { shutDown: true }))).toContain('disk');
  });

  it('S19: lists all exports', () => {
    const outcome = play([ask({ option: Option.List })]);
    expect(typesOf(outcome)).toEqual(['SERVER', 'SERVER', 'SERVER', 'SERVER', 'ACK']);
    expect(new TextDecoder().decode(outcome.replies[1]?.payload)).toContain('diskabout disk');
  });

  it('G2, G6: bounds what a client may send', () => {
    const limits = { optionBytesMax: 2000, optionsMax: 3 };
    const long = encodeOption(Option.Info, new Uint8Array(5000));
    expect(typesOf(play([long, go()], { options: { limits } })).slice(0, 2)).toEqual(['ERR_TOO_BIG', 'INFO']);
    expect(errorOf(play([encodeOption(Option.ExportName, new Uint8Array(5000))], { options: { limits } }))).toMatch(
      /5000/,
    );
    expect(errorOf(play([structured, structured, structured, structured], { options: { limits } }))).toMatch(
      /more than 3/,
    );
    expect(errorOf(play([hex('"IHAVEOPT" 00 00 00 07 02 00 00 01')]))).toMatch(/33554433/);
    expect(errorOf(play([hex('"IHAVEOPS" 00 00 00 07 00 00 00 00')]))).toMatch(/IHAVEOPT/);
    expect(typesOf(play([info('a'.repeat(4096))]))).toEqual(['ERR_UNKNOWN']);
    const tooLong = encodeOption(
      Option.Info,
      concat([hex('00 00 10 01'), new Uint8Array(4097).fill(97), hex('00 00')]),
    );
    expect(typesOf(play([tooLong]))).toEqual(['ERR_INVALID']);
  });
});

describe('TLS', () => {
  it('S23: POLICY without TLS, and never TLS_REQD', () => {
    expect(typesOf(play([startTls, go()]))).toEqual(['ERR_POLICY', 'INFO', 'INFO', 'INFO', 'ACK']);
  });

  it('S20, S24: with required TLS everything but ABORT needs it', () => {
    const required = { options: { tls: 'require' as const } };
    const words = [
      go(),
      info(),
      structured,
      extended,
      set(['base:allocation']),
      ask({ option: Option.List }),
      encodeOption(99),
    ];
    expect(new Set(typesOf(play(words, required)))).toEqual(new Set(['ERR_TLS_REQD']));
    expect(typesOf(play([abort], required))).toEqual(['ACK']);
    expect(errorOf(play([exportName('disk')], required))).toContain('TLS');
  });

  it('S25, S26, S27, S78: an upgrade voids what was agreed on, and happens once', () => {
    const allowed = { options: { tls: 'allow' as const } };
    const outcome = play([extended, set(['base:allocation']), startTls, startTls, go('secret')], allowed);
    expect(outcome.events.map(({ type }) => type)).toEqual(['tls-upgrade', 'established']);
    expect(typesOf(outcome).slice(3, 5)).toEqual(['ACK', 'ERR_INVALID']);
    expect(factsOf(outcome)).toMatchObject({ tls: true, mode: 'simple', contexts: [] });
  });

  it('S28: with TLS allowed, an export that needs it is refused with TLS_REQD', () => {
    const allowed = { options: { tls: 'allow' as const } };
    expect(typesOf(play([go('secret'), info('secret'), info('disk')], allowed)).slice(0, 2)).toEqual([
      'ERR_TLS_REQD',
      'ERR_TLS_REQD',
    ]);
    expect(errorOf(play([exportName('secret')], allowed))).toContain('secret');
  });
});

describe('metadata contexts', () => {
  it('S29: INVALID for a malformed request; unknown names are ignored', () => {
    const shortCount = encodeOption(Option.SetMetaContext, hex('00 00 00 04 "disk" 00 00 00 02 00 00 00 01 "a"'));
    const tail = encodeOption(Option.SetMetaContext, hex('00 00 00 04 "disk" 00 00 00 00 00'));
    expect(typesOf(play([structured, shortCount, tail]))).toEqual(['ACK', 'ERR_INVALID', 'ERR_INVALID']);
    const outcome = play([structured, set(['x-other:thing', 'base:nonsense', 'base:allocation', 'nocolon'])]);
    expect(namesOf(outcome)).toEqual(['base:allocation']);
  });

  it('S30: SET needs structured replies, LIST does not', () => {
    expect(typesOf(play([set(['base:allocation'])]))).toEqual(['ERR_INVALID']);
    expect(namesOf(play([list(['base:allocation'])]))).toEqual(['base:allocation']);
  });

  it('S31, S32: LIST accepts wildcards, SET does not', () => {
    expect(namesOf(play([list([])]))).toEqual(disk.contexts);
    expect(namesOf(play([list(['base:'])]))).toEqual(['base:allocation']);
    expect(namesOf(play([list(['qemu:dirty-bitmap:'])]))).toEqual(['qemu:dirty-bitmap:a', 'qemu:dirty-bitmap:b']);
    expect(typesOf(play([structured, set([])]))).toEqual(['ACK', 'ACK']);
    expect(namesOf(play([structured, set(['base:', 'qemu:'])]))).toEqual([]);
  });

  it('S33: unique numbers in SET, 0 in LIST, TOO_BIG for too many', () => {
    const ids = (outcome: Outcome) =>
      outcome.replies.filter(({ type }) => type === 'META_CONTEXT').map(({ payload }) => payload[3]);
    expect(new Set(ids(play([structured, set(disk.contexts)])))).toHaveProperty('size', 3);
    expect(ids(play([list([])]))).toEqual([0, 0, 0]);
    const limits = { contextsMax: 2 };
    expect(typesOf(play([structured, set(disk.contexts)], { options: { limits } }))).toEqual(['ACK', 'ERR_TOO_BIG']);
  });

  it('accepts queries in one option up to the limit, and no more', () => {
    const limits = { contextQueriesMax: 2 };
    const names = ['base:allocation', 'x:one', 'x:two'];
    for (const word of [set, list]) {
      const outcome = (queries: readonly string[]) =>
        typesOf(play([structured, word(queries)], { options: { limits } }));
      expect(outcome(names.slice(0, 2))).toEqual(['ACK', 'META_CONTEXT', 'ACK']);
      expect(outcome(names)).toEqual(['ACK', 'ERR_INVALID']);
    }
  });

  it('S34: SET replaces what was set, also when it fails; the selection is for one export', () => {
    const chosen = (words: readonly Uint8Array[]) =>
      factsOf(play([structured, ...words])).contexts.map(({ name }) => name);
    expect(chosen([set(['base:allocation']), go()])).toEqual(['base:allocation']);
    expect(chosen([set(['base:allocation']), set(['qemu:dirty-bitmap:a']), go()])).toEqual(['qemu:dirty-bitmap:a']);
    expect(chosen([set(['base:allocation']), set(['base:allocation'], 'nothing'), go()])).toEqual([]);
    expect(chosen([set(['base:allocation'], ''), go()])).toEqual([]);
  });
});

describe('A5, S34: a SET that fails leaves no selection, refused by the handshake or by the driver', () => {
  const limits = { contextQueriesMax: 1 };
  const base = '00 00 00 0f "base:allocation"';
  it.each([
    ['fewer queries than announced', '00 00 00 04 "disk" 00 00 00 02', base],
    ['bytes behind the queries', '00 00 00 04 "disk" 00 00 00 01', `${base} 00 00 00 00`],
    ['a name that is longer than the option', '00 00 0f a0 "abc"', ''],
    ['no payload at all', '', ''],
    ['too many queries', '00 00 00 04 "disk" 00 00 00 02', `${base} ${base}`],
    ['an export that does not exist', '00 00 00 04 "nope" 00 00 00 01', base],
    ['an export that is forbidden', '00 00 00 09 "forbidden" 00 00 00 01', base],
  ])('%s', (_what, head, tail) => {
    const bad = encodeOption(Option.SetMetaContext, hex(`${head} ${tail}`));
    const { contexts } = factsOf(play([structured, set(['base:allocation']), bad, go()], { options: { limits } }));
    expect(contexts).toEqual([]);
  });

  it('more payload than the limit', () => {
    const bad = encodeOption(Option.SetMetaContext, new Uint8Array(2000));
    const words = [structured, set(['base:allocation']), bad, go()];
    const outcome = play(words, { options: { limits: { optionBytesMax: 1000 } } });
    expect(typesOf(outcome)).toContain('ERR_TOO_BIG');
    expect(factsOf(outcome).contexts).toEqual([]);
  });

  it('and other options that fail take nothing away', () => {
    const bad = [
      encodeOption(Option.ListMetaContext, hex('00')),
      encodeOption(Option.Info, hex('00')),
      encodeOption(Option.StartTls),
      encodeOption(Option.List, hex('00')),
      structured,
      go('nothing'),
    ];
    const { contexts, mode } = factsOf(play([structured, set(['base:allocation']), ...bad, go()]));
    expect({ contexts: contexts.map(({ name }) => name), mode }).toEqual({
      contexts: ['base:allocation'],
      mode: 'structured',
    });
  });
});

describe('extended headers', () => {
  it('S68, S69: acknowledged with or without structured replies before, which are refused afterwards', () => {
    expect(typesOf(play([extended, structured]))).toEqual(['ACK', 'ERR_EXT_HEADER_REQD']);
    expect(factsOf(play([structured, extended, go()])).mode).toBe('extended');
    expect(errorOf(play([extended, exportName('disk')]))).toMatch(/EXPORT_NAME/);
  });

  it('can be switched off, and structured replies with them', () => {
    expect(typesOf(play([extended, structured], { options: { mode: 'structured' } }))).toEqual(['ERR_UNSUP', 'ACK']);
    expect(typesOf(play([extended, structured], { options: { mode: 'simple' } }))).toEqual(['ERR_UNSUP', 'ERR_UNSUP']);
  });
});

it('agrees with our own client on all facts', () => {
  for (const mode of ['simple', 'structured', 'extended'] as const) {
    const client = new ClientHandshake({ exportName: 'disk', mode, contexts: ['base:allocation'] });
    const server = new ServerHandshake();
    let served: ServerHandshakeEvent | undefined;
    let seen: ReturnType<ClientHandshake['nextEvent']>;
    for (let round = 0; round < 50 && seen === undefined; round++) {
      for (const bytes of server.takeOutput()) client.receive(bytes);
      for (const bytes of client.takeOutput()) {
        for (let rest = bytes; rest.length > 0; ) {
          const target = server.writable();
          const piece = rest.subarray(0, target.length);
          target.set(piece);
          server.advance(piece.length);
          rest = rest.subarray(piece.length);
        }
      }
      for (let event = server.nextEvent(); event !== undefined; event = server.nextEvent()) {
        served = event;
        if (event.type === 'export-wanted') server.offer(disk);
      }
      seen = client.nextEvent();
    }
    expect(seen?.type).toBe('established');
    if (seen?.type !== 'established' || served?.type !== 'established') throw new Error('nothing came of it');
    const { knowsBlockSizes, canonicalName, ...facts } = served.facts;
    expect(knowsBlockSizes).toBe(true);
    expect(canonicalName).toBeUndefined();
    const { canonicalName: _, ...theirs } = seen.facts;
    expect({ ...theirs, description: facts.description }).toEqual(facts);
  }
});

it('G6: with any bytes, ends or asks for more', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 12 }), (noise, option) => {
      const outcome = play([encodeOption(option, noise), noise]);
      for (const { type } of outcome.events) expect(type).toMatch(/established|ended|failed|tls-upgrade/);
    }),
    { numRuns: 200 },
  );
});

it('names what the client had to do when it disconnects', () => {
  const server = new ServerHandshake();
  server.ended();
  const event = server.nextEvent();
  expect(event?.type === 'failed' && event.error.message).toMatch(
    /closed the connection instead of answering the greeting/,
  );
});
