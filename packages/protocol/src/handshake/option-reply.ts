/** Option replies, the server's side of the negotiation ("Option reply types"): header and payload of each, both ways. */
import type { SelectedContext } from '@nbdjs/interfaces';
import { Option, OptionReply } from '../constants/constants.ts';
import { HandshakeMagic } from '../constants/magic.ts';
import type { Malformed } from '../malformed.ts';
import { faultOfName } from '../text/name.ts';
import { encodeInfo, type KnownInfo } from './info.ts';
import type { InfoOption, MetaContextOption } from './option-request.ts';
import { PayloadReader } from './payload-reader.ts';
import { PayloadWriter } from './payload-writer.ts';

/** The header of each option reply, in front of its payload. */
export interface OptionReplyHeader {
  /** The option that is answered. */
  readonly option: number;
  /** See `OptionReply`. */
  readonly type: number;
  /** Length in bytes of the payload that follows. */
  readonly length: number;
}

/** Length in bytes of an `OptionReplyHeader` with its magic. */
export const optionReplyHeaderBytes = 20;

/** One export in the answer to `NBD_OPT_LIST`. */
export interface ExportEntry {
  /** The name by which the export is opened. See `decodeName` for bytes that are not UTF-8. */
  readonly name: string;
  /** Which rule the name breaks, as words to follow it, such as `is not UTF-8`. Absent for a good name. */
  readonly fault?: string | undefined;
  /** For people; often empty. */
  readonly description: string;
}

/** Any reply, known or not, with a payload that the caller has encoded. */
export function encodeOptionReply(option: number, type: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const writer = new PayloadWriter().u64(HandshakeMagic.OptionReply).u32(option).u32(type);
  return writer.u32(payload.length).bytes(payload).finish();
}

/** `NBD_REP_ACK`: the final, good answer to `option`. */
export function encodeAckReply(option: number): Uint8Array {
  return encodeOptionReply(option, OptionReply.Ack);
}

/** `NBD_REP_ERR_*`: the final, bad answer to `option`; `text` is for the user. */
export function encodeErrorReply(option: number, type: number, text = ''): Uint8Array {
  return encodeOptionReply(option, type, new PayloadWriter().text(text, 'error text').finish());
}

/** `NBD_REP_SERVER`: one export of a list. */
export function encodeServerReply(entry: ExportEntry): Uint8Array {
  const writer = new PayloadWriter().countedText(entry.name, 'export name').text(entry.description, 'description');
  return encodeOptionReply(Option.List, OptionReply.Server, writer.finish());
}

/** `NBD_REP_INFO`. */
export function encodeInfoReply(option: InfoOption, info: KnownInfo): Uint8Array {
  return encodeOptionReply(option, OptionReply.Info, encodeInfo(info));
}

/** `NBD_REP_META_CONTEXT`; in answers to `NBD_OPT_LIST_META_CONTEXT` the id has no meaning and should be 0. */
export function encodeMetaContextReply(option: MetaContextOption, context: SelectedContext): Uint8Array {
  const payload = new PayloadWriter().u32(context.id).text(context.name, 'metadata context').finish();
  return encodeOptionReply(option, OptionReply.MetaContext, payload);
}

/** Decodes 20 bytes. A wrong magic means that the stream is out of sync, and the connection is lost. */
export function decodeOptionReplyHeader(bytes: Uint8Array): OptionReplyHeader | Malformed {
  const reader = new PayloadReader(bytes, 'option reply', 'C18');
  const magic = reader.u64('magic');
  if (magic !== HandshakeMagic.OptionReply) {
    reader.fail('bad-option-reply-magic', `expected the magic 0x3e889045565a9, got 0x${magic.toString(16)}`);
  }
  return reader.finish({ option: reader.u32('option'), type: reader.u32('type'), length: reader.u32('length') });
}

/** Parses the payload of a `SERVER` reply. */
export function parseServerReply(payload: Uint8Array): ExportEntry | Malformed {
  const reader = new PayloadReader(payload, 'SERVER reply', 'S19');
  const name = reader.name(reader.u32('length of the export name'), 'export name');
  const fault = faultOfName(name);
  const description = reader.displayText(reader.remaining, 'description');
  return reader.finish(fault === undefined ? { name, description } : { name, description, fault });
}

/** Parses the payload of a `META_CONTEXT` reply. The name may be any bytes, as that of an export. */
export function parseMetaContextReply(payload: Uint8Array): SelectedContext | Malformed {
  const reader = new PayloadReader(payload, 'META_CONTEXT reply', 'C34');
  const id = reader.u32('id');
  if (!reader.faulty && reader.remaining === 0) reader.fail('payload-too-short', 'the name of the context is missing');
  return reader.finish({ id, name: reader.name(reader.remaining, 'name of the context') });
}
