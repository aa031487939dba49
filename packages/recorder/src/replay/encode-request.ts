/** Requests, written again for another connection. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { Command, CommandFlag, HeaderBytes, writeExtendedRequest, writeRequest } from '@nbdjs/protocol';
import type { Request } from '../decoding/requests-in-flight.ts';

/** Returns a request's header with another cookie, in the form that was agreed on. */
export function encodeRequest(
  { command, flags, offset, length }: Request,
  cookie: bigint,
  mode: HeaderMode,
): Uint8Array {
  const isExtended = mode === 'extended';
  const bytes = new Uint8Array(isExtended ? HeaderBytes.ExtendedRequest : HeaderBytes.Request);
  const view = new DataView(bytes.buffer);
  const halves = (value: bigint) => [Number(value >> 32n), Number(value & 0xffff_ffffn)] as const;
  const place = [...halves(cookie), ...halves(offset)] as const;
  // It belongs to the header, and not to the command.
  const own = flags & ~CommandFlag.PayloadLen;
  if (isExtended) {
    const all = command === Command.Write ? own | CommandFlag.PayloadLen : own;
    writeExtendedRequest(view, 0, all, command, ...place, ...halves(length));
  } else writeRequest(view, 0, own, command, ...place, Number(length));
  return bytes;
}
