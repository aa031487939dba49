/** Defects that other handshakes had, each under the name that it became known by. Those of TLS have tests of their own. */
import { NbdError } from '@nbdjs/interfaces';
import { encodeInfoReply, encodeServerReply, Option } from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import { ClientHandshake } from '../src/index.ts';
import { concat } from './hex.ts';
import { ack, greeting, unsupported } from './words.ts';

const orders: readonly [string, (handshake: ClientHandshake) => void, Uint8Array][] = [
  [
    'LIST',
    (handshake) => handshake.list(),
    concat([encodeServerReply({ name: 'a', description: 'b' }), ack(Option.List)]),
  ],
  [
    'INFO',
    (handshake) => handshake.info(),
    concat([encodeInfoReply(Option.Info, { kind: 'export', size: 1n, transmissionFlags: 1 }), ack(Option.Info)]),
  ],
  ['GO', (handshake) => handshake.go(), concat([encodeInfoReply(Option.Go, { kind: 'name', name: 'x' })])],
  ['LIST_META_CONTEXT', (handshake) => handshake.listMetaContexts(''), ack(Option.ListMetaContext)],
  ['ABORT', (handshake) => handshake.abort(), new Uint8Array(0)],
];

describe('CVE-2021-20286: a server that disappears in option mode is an error or the end, never a crash', () => {
  it.each(orders)('in %s, at every byte', (_name, order, answer) => {
    const start = concat([greeting, unsupported(Option.ExtendedHeaders), unsupported(Option.StructuredReply)]);
    for (let cut = 0; cut <= start.length + answer.length; cut++) {
      const handshake = new ClientHandshake({ optionMode: true });
      handshake.receive(start.subarray(0, cut));
      if (handshake.state === 'negotiating' && cut > start.length) order(handshake);
      handshake.receive(answer.subarray(0, Math.max(0, cut - start.length)));
      handshake.ended(cut % 2 === 0 ? undefined : new Error('reset'));
      const finals: string[] = [];
      for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent()) {
        if (event.type === 'failed') expect(event.error).toBeInstanceOf(NbdError);
        if (event.type === 'failed' || event.type === 'ended') finals.push(event.type);
      }
      expect(finals, `cut at ${cut}`).toHaveLength(1);
      // Later orders are refused with an error, and nothing else happens.
      expect(() => handshake.list()).toThrow(/out of turn/);
    }
  });
});

describe('CVE-2023-5215: a size from 2^63 on is refused in words, and never a negative number', () => {
  it.each([2n ** 63n, 2n ** 64n - 1n])('%d', (size) => {
    const handshake = new ClientHandshake({ mode: 'simple' });
    const info = encodeInfoReply(Option.Go, { kind: 'export', size, transmissionFlags: 1 });
    handshake.receive(concat([greeting, info, ack(Option.Go)]));
    const message = expect.stringContaining(`got ${size}`);
    expect(handshake.nextEvent()).toMatchObject({ type: 'failed', error: { code: 'ERR_NBD_TOO_BIG', message } });
  });
});
