/** Random and damaged messages: never anything but our errors, never more memory than the limit, never an endless loop. */
import { NbdError } from '@nbdjs/interfaces';
import { Option, OptionReply } from '@nbdjs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientHandshake, type ClientHandshakeOptions, handshakeLimits, isFinal } from '../src/index.ts';
import { concat, hex } from './hex.ts';
import { ack, gone, greeting, reply, unsupported } from './words.ts';

const rounds = 1500;
const { optionReplyBytesMax } = handshakeLimits.resolve('the test', {});

/** Feeds messages and the end of the stream; checks what must hold for any messages. */
function endure(options: ClientHandshakeOptions, words: Uint8Array, order?: (handshake: ClientHandshake) => void) {
  const handshake = new ClientHandshake(options);
  handshake.receive(words);
  if (order !== undefined && handshake.state === 'negotiating') {
    order(handshake);
    handshake.receive(words);
  }
  expect(handshake.writable().length).toBeGreaterThan(0);
  expect(handshake.writable().length).toBeLessThanOrEqual(optionReplyBytesMax);
  handshake.ended();
  expect(isFinal(handshake.state)).toBe(true);
  const finals: string[] = [];
  for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent()) {
    if (event.type === 'failed') {
      expect(event.error).toBeInstanceOf(NbdError);
      expect(event.error.message).not.toMatch(/\p{Cc}/u);
      expect(event.error.message.length).toBeLessThan(1000);
    }
    if (['failed', 'established', 'ended'].includes(event.type)) finals.push(event.type);
  }
  expect(finals).toHaveLength(1);
  return finals[0];
}

const anyOptions: fc.Arbitrary<ClientHandshakeOptions> = fc.record({
  exportName: fc.constantFrom('', 'disk'),
  mode: fc.constantFrom('simple', 'structured', 'extended'),
  tls: fc.constantFrom('off', 'allow', 'require'),
  optionMode: fc.boolean(),
  fullInfo: fc.boolean(),
});

const orders = fc.constantFrom(
  (handshake: ClientHandshake) => handshake.list(),
  (handshake: ClientHandshake) => handshake.info('x'),
  (handshake: ClientHandshake) => handshake.go('x'),
  (handshake: ClientHandshake) => handshake.listMetaContexts('x'),
  (handshake: ClientHandshake) => handshake.abort(),
);

describe('hostile servers', () => {
  it('random bytes from the start', () => {
    fc.assert(
      fc.property(anyOptions, fc.uint8Array({ maxLength: 300 }), (options, bytes) => {
        endure(options, bytes);
      }),
      { numRuns: rounds },
    );
  });

  it('random bytes after a good greeting', () => {
    const start = fc.constantFrom(greeting, hex('"NBDMAGIC" "IHAVEOPT" 0000'), hex('"NBDMAGIC" 0000420281861253'));
    fc.assert(
      fc.property(anyOptions, start, fc.uint8Array({ maxLength: 300 }), (options, hello, bytes) => {
        endure(options, concat([hello, bytes]));
      }),
      { numRuns: rounds },
    );
  });

  it('well-formed replies in any order, with any payload', () => {
    const anyReply = fc
      .tuple(
        fc.integer({ min: 1, max: 12 }),
        fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0x8000_0000, max: 0x8000_000b })),
        fc.uint8Array({ maxLength: 30 }),
      )
      .map(([option, type, payload]) => reply(option, type, payload));
    fc.assert(
      fc.property(anyOptions, fc.array(anyReply, { maxLength: 12 }), orders, (options, replies, order) => {
        endure(options, concat([greeting, ...replies]), order);
      }),
      { numRuns: rounds },
    );
  });

  it('a good transcript with one byte changed ends in an error or in valid facts', () => {
    const good = concat([
      greeting,
      unsupported(Option.ExtendedHeaders),
      ack(Option.StructuredReply),
      reply(Option.SetMetaContext, OptionReply.MetaContext, hex('00000001 "base:allocation"')),
      ack(Option.SetMetaContext),
      ...gone,
    ]);
    expect(endure({}, good)).toBe('established');
    for (let position = 0; position < good.length; position++) {
      for (const twist of [0x01, 0x80, 0xff]) {
        const bytes = good.slice();
        bytes[position] = (bytes[position] ?? 0) ^ twist;
        endure({}, bytes);
      }
    }
  });

  it('the largest reply is read, one byte more is not', () => {
    const text = 'x'.repeat(optionReplyBytesMax);
    const payload = new TextEncoder().encode(text);
    expect(endure({ mode: 'simple' }, concat([greeting, reply(Option.Go, OptionReply.ErrPolicy, payload)]))).toBe(
      'failed',
    );
    const handshake = new ClientHandshake({ mode: 'simple' });
    handshake.receive(greeting);
    handshake.receive(reply(Option.Go, OptionReply.ErrPolicy, concat([payload, hex('78')])));
    expect(handshake.nextEvent()).toMatchObject({ error: { violation: 'option-reply-too-long' } });
  });

  it('an endless list of exports ends at the limit', () => {
    const handshake = new ClientHandshake({ mode: 'simple', optionMode: true, limits: { listEntriesMax: 1000 } });
    handshake.receive(greeting);
    handshake.list();
    const entry = reply(Option.List, OptionReply.Server, hex('00000001 "e"'));
    let sent = 0;
    while (handshake.state === 'option' && sent <= 2000) {
      handshake.receive(entry);
      sent++;
    }
    expect(sent).toBe(1001);
    expect(handshake.state).toBe('failed');
  });
});
