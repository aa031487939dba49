/** Options and their replies, read. */
import {
  flagNames,
  type Info,
  infoTypes,
  isOptionError,
  Malformed,
  Option,
  OptionReply,
  optionHeaderBytes,
  optionReplies,
  optionReplyHeaderBytes,
  options,
  parseInfo,
  parseMetaContextReply,
  parseOptionRequest,
  parseServerReply,
  printableBytes,
  transmissionFlags,
} from '@nbdjs/protocol';
import type { Frame } from '../decoding/frame.ts';
import { type MessageFields, viewOf } from './fields.ts';

type Content = Omit<MessageFields, 'name'>;

/** What is not kept of a message cannot be read. */
const cut: Content = { note: 'it is too long to be read' };

export function readOption(wire: Uint8Array, { payloadBytes }: Frame): MessageFields {
  const option = viewOf(wire).getUint32(8);
  const name = options.name(option);
  if (payloadBytes > 0) return { name, ...cut };
  const request = parseOptionRequest(option, wire.subarray(optionHeaderBytes), Number.POSITIVE_INFINITY);
  if (request === undefined) return { name, note: `has ${wire.length - optionHeaderBytes} bytes of payload` };
  if (request instanceof Malformed) return { name, note: request.message };
  return {
    name,
    ...('exportName' in request ? { exportName: request.exportName } : {}),
    ...('infoTypes' in request ? { infoTypes: request.infoTypes.map((type) => infoTypes.name(type)) } : {}),
    ...('queries' in request ? { queries: request.queries } : {}),
  };
}

export function readOptionReply(wire: Uint8Array, { payloadBytes }: Frame): MessageFields {
  const view = viewOf(wire);
  const [option, type] = [view.getUint32(8), view.getUint32(12)];
  const name = optionReplies.name(type);
  const content = wire.subarray(optionReplyHeaderBytes);
  const fields = payloadBytes > 0 ? cut : readContent(option, type, content);
  return { name, answers: options.name(option), ...fields };
}

function readContent(option: number, type: number, content: Uint8Array): Content {
  if (isOptionError(type)) {
    const text = printableBytes(content);
    return { error: optionReplies.name(type), ...(text === '' ? {} : { text }) };
  }
  switch (type) {
    case OptionReply.Ack:
      return content.length === 0 ? {} : { note: `has ${content.length} bytes of payload, expected none` };
    case OptionReply.Server:
      return readEntry(content);
    case OptionReply.Info:
      return readInfo(parseInfo(content));
    case OptionReply.MetaContext: {
      const context = parseMetaContextReply(content);
      if (context instanceof Malformed) return { note: context.message };
      // In a list, the number has no meaning.
      return option === Option.SetMetaContext
        ? { contextId: context.id, context: context.name }
        : { context: context.name };
    }
    default:
      return { note: `has ${content.length} bytes of payload that are not understood` };
  }
}

function readEntry(content: Uint8Array): Content {
  const entry = parseServerReply(content);
  if (entry instanceof Malformed) return { note: entry.message };
  const { name: exportName, description: text, fault } = entry;
  return {
    exportName,
    ...(text === '' ? {} : { text }),
    ...(fault === undefined ? {} : { note: `the name ${fault}` }),
  };
}

function readInfo(info: Info | Malformed): Content {
  if (info instanceof Malformed) return { note: info.message };
  switch (info.kind) {
    case 'export':
      return { infoTypes: ['EXPORT'], size: info.size, flags: flagNames(transmissionFlags, info.transmissionFlags) };
    case 'name':
      return { infoTypes: ['NAME'], exportName: info.name };
    case 'description':
      return { infoTypes: ['DESCRIPTION'], text: info.description };
    case 'block-size': {
      const { minimum, preferred, maximum } = info.blockSizes;
      return { infoTypes: ['BLOCK_SIZE'], blockSizes: [minimum, preferred, maximum] };
    }
    case 'unknown':
      return { infoTypes: [infoTypes.name(info.infoType)] };
  }
}
