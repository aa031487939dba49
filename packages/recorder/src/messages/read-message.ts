/** Reads a message out of its bytes. */
import {
  commands,
  decodeExportNameReply,
  decodeOldstyleExport,
  flagNames,
  GreetingBytes,
  handshakeFlags,
  transmissionFlags,
} from '@nbdjs/protocol';
import type { Frame, FrameKind } from '../decoding/frame.ts';
import type { Request } from '../decoding/requests-in-flight.ts';
import { readChunk } from './chunk.ts';
import { errorName, type MessageFields, viewOf, withoutRange } from './fields.ts';
import type { Message } from './message.ts';
import { readOption, readOptionReply } from './option.ts';
import { readRequest } from './request.ts';

type Reader = (wire: Uint8Array, frame: Frame) => MessageFields;

const readers: Readonly<Record<FrameKind, Reader>> = {
  greeting: readGreeting,
  'client-flags': (wire) => ({ name: 'client-flags', flags: flagNames(handshakeFlags, viewOf(wire).getUint32(0)) }),
  option: readOption,
  'option-reply': readOptionReply,
  export: (wire) => {
    const { size, transmissionFlags: flags } = decodeExportNameReply(wire);
    return { name: 'export', answers: 'EXPORT_NAME', size, flags: flagNames(transmissionFlags, flags) };
  },
  request: readRequest,
  'simple-reply': readSimpleReply,
  chunk: readChunk,
  encrypted: () => ({ name: 'encrypted', note: 'TLS from here on, which is passed on as it is' }),
  undecoded: () => ({ name: 'undecoded' }),
};

/** Reads the fields of a message. Never throws: what is wrong with a message is its `note`. */
export function readMessage(frame: Frame): Message {
  const { side, kind, wire, payloadBytes, request, note } = frame;
  const fields = readers[kind](wire, frame);
  const notes = [note, fields.note].filter((one) => one !== undefined);
  return {
    side,
    kind,
    ...answered(kind, request),
    ...fields,
    ...(payloadBytes > 0 && Number.isFinite(payloadBytes) ? { payloadBytes } : {}),
    ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
  };
}

/** A reply without its request would not say much. */
function answered(kind: FrameKind, request: Request | undefined): { readonly answers?: string } {
  if (request === undefined || kind === 'request') return {};
  return { answers: commands.name(request.command) };
}

function readGreeting(wire: Uint8Array): MessageFields {
  const start = GreetingBytes.initialMagic + GreetingBytes.serverMagic;
  if (wire.length === start + GreetingBytes.handshakeFlags) {
    return { name: 'newstyle', flags: flagNames(handshakeFlags, viewOf(wire).getUint16(start)) };
  }
  const { size, transmissionFlags: flags } = decodeOldstyleExport(wire.subarray(start));
  return { name: 'oldstyle', size, flags: flagNames(transmissionFlags, flags) };
}

function readSimpleReply(wire: Uint8Array, { request }: Frame): MessageFields {
  const view = viewOf(wire);
  const error = view.getUint32(4);
  return {
    name: 'simple-reply',
    cookie: view.getBigUint64(8),
    ...(request === undefined || withoutRange.has(request.command) ? {} : { offset: request.offset }),
    ...(error === 0 ? {} : { error: errorName(error) }),
  };
}
