/** Replies of the proxy's own, in the place of the server's. */
import type { HeaderMode } from '@nbdjs/interfaces';
import {
  ChunkFlag,
  Command,
  encodeErrorChunk,
  encodeErrorReply,
  encodeSimpleReply,
  OptionReply,
  optionReplies,
  wireErrorNumber,
} from '@nbdjs/protocol';
import type { Request } from '../decoding/requests-in-flight.ts';

const text = new TextEncoder().encode('injected by the proxy');

/** The failure of a request, in the kind of replies that was agreed on. */
export function encodeFailure(request: Request, error: string, mode: HeaderMode): Uint8Array {
  const cookie = { high: Number(request.cookie >> 32n), low: Number(request.cookie & 0xffff_ffffn) };
  const number = wireErrorNumber(error);
  const isStructured =
    mode === 'structured' && (request.command === Command.Read || request.command === Command.BlockStatus);
  if (mode !== 'extended' && !isStructured) return encodeSimpleReply(cookie, number);
  const requestOffset = mode === 'extended' ? request.offset : undefined;
  return encodeErrorChunk({ cookie, flags: ChunkFlag.Done, requestOffset }, number, text);
}

/** The refusal of an option. */
export function encodeRefusal(option: number, error: string): Uint8Array {
  const type = optionReplies.number(error) ?? OptionReply.ErrUnsupported;
  return encodeErrorReply(option, type, 'injected by the proxy');
}
