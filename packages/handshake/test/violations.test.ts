/** Each error of a server has its own name, ends the handshake, and is answered by ABORT where the server understands it. */
import {
  encodeInfoReply,
  encodeMetaContextReply,
  encodeOptionReply,
  encodeServerReply,
  Option,
  OptionReply,
} from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import type { ClientHandshakeOptions } from '../src/index.ts';
import { hex } from './hex.ts';
import { type Act, errorOf, lastEvent, play } from './play.ts';
import { abort, ack, error, exportInfo, greeting, reply, unsupported } from './words.ts';

interface Case {
  readonly title: string;
  readonly options?: ClientHandshakeOptions;
  readonly says: readonly Act[];
  readonly violation: string;
  readonly message: string | RegExp;
  /** @default true */
  readonly aborts?: boolean;
}

const plain: ClientHandshakeOptions = { mode: 'simple' };
const structured = [greeting, ack(Option.StructuredReply)];
const context = (
  id: number,
  name: string,
  option: typeof Option.SetMetaContext | typeof Option.ListMetaContext = Option.SetMetaContext,
) => encodeMetaContextReply(option, { id, name });

const cases: readonly Case[] = [
  {
    title: 'a second magic that is neither newstyle nor oldstyle',
    says: [hex('"NBDMAGIC" "NBDMAGIC"')],
    violation: 'unknown-greeting',
    message: 'greeting of the server is neither newstyle nor oldstyle',
    aborts: false,
  },
  {
    title: 'S1: handshake flags in the oldstyle',
    says: [hex(`"NBDMAGIC" 0000420281861253 0000000000000400 0001 0003 ${'00'.repeat(124)}`)],
    violation: 'oldstyle-handshake-flags',
    message: 'oldstyle server sent handshake flags: expected 0, got 0x1',
    aborts: false,
  },
  {
    title: 'C18: a reply with another magic',
    options: plain,
    says: [greeting, hex('0003e889 045565aa 00000007 00000001 00000000')],
    violation: 'bad-option-reply-magic',
    message: 'option reply: expected the magic 0x3e889045565a9, got 0x3e889045565aa',
  },
  {
    title: 'C18: an answer to another option',
    options: plain,
    says: [greeting, ack(Option.List)],
    violation: 'answer-to-other-option',
    message: 'expected an answer to option GO, got one to LIST',
  },
  {
    title: 'C18: a reply type that does not fit GO',
    options: plain,
    says: [greeting, reply(Option.Go, OptionReply.Server)],
    violation: 'unexpected-option-reply',
    message: 'option GO was answered by SERVER, which does not fit',
  },
  {
    title: 'C18: an unknown reply type',
    options: plain,
    says: [greeting, reply(Option.Go, 77)],
    violation: 'unexpected-option-reply',
    message: 'option GO was answered by option reply 77, which does not fit',
  },
  {
    title: 'C18: content in answer to EXTENDED_HEADERS',
    says: [greeting, reply(Option.ExtendedHeaders, OptionReply.Info, hex('0000'))],
    violation: 'unexpected-option-reply',
    message: 'option EXTENDED_HEADERS was answered by INFO, which does not fit',
  },
  {
    title: 'C18: content in answer to STRUCTURED_REPLY',
    options: { mode: 'structured' },
    says: [greeting, reply(Option.StructuredReply, OptionReply.MetaContext, hex('00000000 "a:"'))],
    violation: 'unexpected-option-reply',
    message: 'option STRUCTURED_REPLY was answered by META_CONTEXT, which does not fit',
  },
  {
    title: 'C18: content in answer to STARTTLS',
    options: { tls: 'allow' },
    says: [greeting, reply(Option.StartTls, OptionReply.Server)],
    violation: 'unexpected-option-reply',
    message: 'option STARTTLS was answered by SERVER, which does not fit',
  },
  {
    title: 'C18: an ACK of EXTENDED_HEADERS with a payload',
    says: [greeting, reply(Option.ExtendedHeaders, OptionReply.Ack, hex('00'))],
    violation: 'ack-with-payload',
    message: 'acknowledgement of option EXTENDED_HEADERS has a payload: expected 0 bytes, got 1',
  },
  {
    title: 'C18: an ACK of STARTTLS with a payload',
    options: { tls: 'require' },
    says: [greeting, reply(Option.StartTls, OptionReply.Ack, hex('00'))],
    violation: 'ack-with-payload',
    message: 'acknowledgement of option STARTTLS has a payload: expected 0 bytes, got 1',
  },
  {
    title: 'C18: an ACK of GO with a payload',
    options: plain,
    says: [greeting, exportInfo, reply(Option.Go, OptionReply.Ack, hex('00'))],
    violation: 'ack-with-payload',
    message: 'acknowledgement of option GO has a payload: expected 0 bytes, got 1',
    aborts: false,
  },
  {
    title: 'C14: GO acknowledged without size and flags of the export',
    options: plain,
    says: [greeting, ack(Option.Go)],
    violation: 'missing-export-info',
    message: 'option GO was acknowledged without the size and flags of the export',
    aborts: false,
  },
  {
    title: 'INFO without a type',
    options: plain,
    says: [greeting, reply(Option.Go, OptionReply.Info, hex('00'))],
    violation: 'payload-too-short',
    message: 'INFO reply: expected 2 bytes for the information type, got 1',
  },
  {
    title: 'INFO_EXPORT of 13 bytes',
    options: plain,
    says: [greeting, reply(Option.Go, OptionReply.Info, hex('0000 0000000000000400 0001 00'))],
    violation: 'payload-too-long',
    message: 'INFO reply: 1 bytes left over after the last field',
  },
  {
    title: 'INFO_BLOCK_SIZE with a minimum that is not a power of two',
    options: plain,
    says: [greeting, reply(Option.Go, OptionReply.Info, hex('0003 00000003 00001000 ffffffff'))],
    violation: 'bad-minimum-block-size',
    message: 'expected a power of two up to 33554432 as minimum block size, got 3',
  },
  {
    title: 'G2: a selected context whose name is not UTF-8',
    options: { mode: 'structured' },
    says: [...structured, reply(Option.SetMetaContext, OptionReply.MetaContext, hex('00000001 "base:" ff'))],
    violation: 'malformed-context',
    message: String.raw`name of the context 'base:\xff' is not UTF-8`,
  },
  {
    title: 'S12: BLOCK_SIZE_REQD although sizes were requested',
    options: plain,
    says: [greeting, error(Option.Go, OptionReply.ErrBlockSizeRequired)],
    violation: 'block-size-required-though-requested',
    message: 'option GO failed: the server requires the client to ask for block sizes, which it did',
  },
  {
    title: 'C66: no GO although EXTENDED_HEADERS was acknowledged',
    options: { contexts: [] },
    says: [greeting, ack(Option.ExtendedHeaders), unsupported(Option.Go)],
    violation: 'go-unsupported-with-extended-headers',
    message: 'option GO is not supported by the server although it acknowledged EXTENDED_HEADERS',
  },
  {
    title: 'META_CONTEXT without a name',
    options: { mode: 'structured' },
    says: [...structured, reply(Option.SetMetaContext, OptionReply.MetaContext, hex('00000001'))],
    violation: 'payload-too-short',
    message: 'META_CONTEXT reply: the name of the context is missing',
  },
  {
    title: 'S33: one id for two contexts',
    options: { mode: 'structured', contexts: ['base:allocation', 'qemu:x'] },
    says: [...structured, context(1, 'base:allocation'), context(1, 'qemu:x')],
    violation: 'repeated-context-id',
    message: "server gave the id 1 to two contexts: 'base:allocation' and 'qemu:x'",
  },
  {
    title: 'S29: a context that was not asked for',
    options: { mode: 'structured' },
    says: [...structured, context(1, 'qemu:x')],
    violation: 'unrequested-context',
    message: "server selected 'qemu:x', which was not asked for",
  },
  {
    title: 'a list entry whose name is longer than the reply',
    options: { mode: 'simple', optionMode: true },
    says: [greeting, (handshake) => handshake.list(), reply(Option.List, OptionReply.Server, hex('00000005 "disk"'))],
    violation: 'payload-too-short',
    message: 'SERVER reply: expected 5 bytes for the export name, got 4',
  },
  {
    title: 'G6: an error text that is longer than a reply may be',
    options: plain,
    says: [greeting, hex('0003e889 045565a9 00000007 80000002 00010001')],
    violation: 'option-reply-too-long',
    message: 'answer to option GO is too long: expected at most 65536 bytes, got 65537',
  },
  {
    title: 'G6: more replies to GO than the limit',
    options: { mode: 'simple', limits: { optionRepliesMax: 2 } },
    says: [greeting, exportInfo, exportInfo, exportInfo],
    violation: 'too-many-option-replies',
    message: 'option GO failed: the server sent more than 2 replies to it',
  },
  {
    title: 'G6: more contexts than the limit',
    options: { mode: 'structured', limits: { contextsMax: 1 } },
    says: [...structured, context(1, 'base:allocation'), context(2, 'base:allocation')],
    violation: 'too-many-option-replies',
    message: 'option SET_META_CONTEXT failed: the server sent more than 1 replies to it',
  },
  {
    title: 'G6: more exports than the limit',
    options: { mode: 'simple', optionMode: true, limits: { listEntriesMax: 1 } },
    says: [
      greeting,
      (handshake) => handshake.list(),
      encodeServerReply({ name: 'a', description: '' }),
      encodeServerReply({ name: 'b', description: '' }),
    ],
    violation: 'too-many-option-replies',
    message: 'option LIST failed: the server sent more than 1 replies to it',
  },
  {
    title: 'G6: a list of more bytes than the limit',
    options: { mode: 'simple', optionMode: true, limits: { listBytesMax: 10 } },
    says: [greeting, (handshake) => handshake.list(), encodeServerReply({ name: 'a'.repeat(7), description: '' })],
    violation: 'list-too-long',
    message: 'list of exports is too long: expected at most 10 bytes of names and descriptions',
  },
  {
    title: 'bytes while it is the turn of the caller',
    options: { mode: 'simple', optionMode: true },
    says: [greeting, hex('00')],
    violation: 'unsolicited-bytes',
    message: 'server sent bytes although no option is outstanding',
  },
  {
    title: 'S26: TLS_REQD when TLS is running',
    options: { ...plain, tls: 'allow' },
    says: [
      greeting,
      ack(Option.StartTls),
      (handshake) => handshake.tlsEstablished(),
      error(Option.Go, OptionReply.ErrTlsRequired),
    ],
    violation: 'tls-required-inside-tls',
    message: 'option GO failed: the server requires TLS although it is running',
  },
];

describe('violations', () => {
  it.each(cases)('$title: $violation', ({ options = {}, says, violation, message, aborts = true }) => {
    const outcome = play(options, ...says);
    expect(outcome.state).toBe('failed');
    expect(errorOf(outcome)).toMatchObject({ name: 'ProtocolError', code: 'ERR_NBD_PROTOCOL', violation, message });
    expect(errorOf(outcome)).toHaveProperty('rule', expect.stringMatching(/^[CGS]\d+$/));
    const end = outcome.sent.subarray(-abort.length);
    if (aborts) expect(end).toEqual(abort);
    else expect(outcome.sent).toEqual(play(options, ...says.slice(0, -1)).sent);
  });

  it('each rule in a title is the one that the error names', () => {
    for (const { title, options = {}, says } of cases) {
      const rule = /^([CGS]\d+):/.exec(title)?.[1];
      if (rule === undefined) continue;
      const aliases: Readonly<Record<string, string>> = { C14: 'S7', C66: 'S68' };
      expect(errorOf(play(options, ...says)), title).toHaveProperty('rule', aliases[rule] ?? rule);
    }
  });

  it('keeps the bytes that broke the rule, bounded', () => {
    const event = lastEvent(
      play(plain, greeting, encodeOptionReply(Option.Go, OptionReply.Info, hex('0003', 'ff'.repeat(200)))),
    );
    expect(event).toMatchObject({ error: { excerptHex: `0003${'ff'.repeat(62)}...` } });
  });

  it('tolerates repeated, unknown and unrequested information (C12)', () => {
    const outcome = play(
      { mode: 'simple', requestBlockSizes: false },
      greeting,
      reply(Option.Go, OptionReply.Info, hex('abcd 010203')),
      encodeInfoReply(Option.Go, { kind: 'block-size', blockSizes: { minimum: 1, preferred: 4096, maximum: 4096 } }),
      exportInfo,
      encodeInfoReply(Option.Go, { kind: 'description', description: 'why not' }),
      exportInfo,
      ack(Option.Go),
    );
    expect(lastEvent(outcome)).toMatchObject({ type: 'established', facts: { size: 1024n, description: 'why not' } });
  });
});
