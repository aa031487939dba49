/** The messages by which a client leaves ("Termination of the session", C6). */
import { type HeaderMode, type NbdError, NegotiationError } from '@nbdjs/interfaces';
import { Command, encodeOptionRequest, HeaderBytes, Option, TransmissionMagic } from '@nbdjs/protocol';
import type { Conversation } from './conversation.ts';

/** What is still to be sent because of `error`; may be empty. */
export function farewellMessages(conversation: Conversation, error: NbdError): readonly Uint8Array[] {
  if (conversation.farewell === 'abort') return [encodeOptionRequest({ option: Option.Abort })];
  // After a violation in the transmission phase the connection is just closed; otherwise the server gets a DISC.
  return conversation.farewell === 'disconnect' && error instanceof NegotiationError
    ? [disconnectRequest(conversation.mode)]
    : [];
}

/** `NBD_CMD_DISC` for a connection without any other request: no flags, and cookie, offset and length are zero. */
export function disconnectRequest(mode: HeaderMode): Uint8Array {
  const extended = mode === 'extended';
  const request = new Uint8Array(extended ? HeaderBytes.ExtendedRequest : HeaderBytes.Request);
  const view = new DataView(request.buffer);
  view.setUint32(0, extended ? TransmissionMagic.ExtendedRequest : TransmissionMagic.Request);
  view.setUint16(6, Command.Disconnect);
  return request;
}
