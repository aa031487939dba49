/** The last words to a server that we turn away from ("Termination of the session", C6). */
import { type HeaderMode, type NbdError, NegotiationError } from '@nbdjs/interfaces';
import { Command, encodeOptionRequest, HeaderBytes, Option, TransmissionMagic } from '@nbdjs/protocol';
import type { Conversation } from './conversation.ts';

/** What is still to be sent because of `error`, if anything. */
export function lastWords(conversation: Conversation, error: NbdError): readonly Uint8Array[] {
  if (conversation.farewell === 'abort') return [encodeOptionRequest({ option: Option.Abort })];
  // Whoever broke the rules of the transmission phase may find the connection closed; whoever did not is told.
  return conversation.farewell === 'disconnect' && error instanceof NegotiationError
    ? [disconnectRequest(conversation.mode)]
    : [];
}

/** `NBD_CMD_DISC` for whoever leaves a connection that nothing was ever asked on: no flags, and cookie, offset and length zero. */
export function disconnectRequest(mode: HeaderMode): Uint8Array {
  const extended = mode === 'extended';
  const request = new Uint8Array(extended ? HeaderBytes.ExtendedRequest : HeaderBytes.Request);
  const view = new DataView(request.buffer);
  view.setUint32(0, extended ? TransmissionMagic.ExtendedRequest : TransmissionMagic.Request);
  view.setUint16(6, Command.Disconnect);
  return request;
}
