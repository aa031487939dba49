/** Requests, read. */
import { Command, commands, decodeBlockStatusPayload, HeaderBytes, TransmissionMagic } from '@nbdjs/protocol';
import type { Frame } from '../decoding/frame.ts';
import { commandFlagNames, type MessageFields, viewOf, withoutRange } from './fields.ts';

export function readRequest(wire: Uint8Array, { request }: Frame): MessageFields {
  if (request === undefined) return { name: 'request', note: 'its header was not seen' };
  const { command, flags, cookie, offset, length } = request;
  const hasRange = !withoutRange.has(command) || offset !== 0n || length !== 0n;
  return {
    name: commands.name(command),
    cookie,
    ...(hasRange ? { offset, length } : {}),
    ...commandFlagNames(flags),
    ...readContent(wire, command),
  };
}

/** What narrows a block status to some contexts. */
function readContent(wire: Uint8Array, command: number): Pick<MessageFields, 'contextIds' | 'length' | 'note'> {
  const isExtended = viewOf(wire).getUint32(0) === TransmissionMagic.ExtendedRequest;
  const content = wire.subarray(isExtended ? HeaderBytes.ExtendedRequest : HeaderBytes.Request);
  if (content.length === 0) return {};
  const payload = command === Command.BlockStatus ? decodeBlockStatusPayload(content) : undefined;
  if (payload === undefined) return { note: `has ${content.length} bytes of payload that are not understood` };
  return { length: payload.effectLength, contextIds: payload.contextIds };
}
