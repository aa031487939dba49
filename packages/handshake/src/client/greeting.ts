/** The server's greeting and the client's flags ("Newstyle negotiation", "Oldstyle negotiation"). */
import { ConnectError, NegotiationError, ProtocolError } from '@nbdjs/interfaces';
import {
  decodeHandshakeFlags,
  decodeOldstyleExport,
  decodeServerMagic,
  encodeClientFlags,
  GreetingBytes,
  HandshakeFlag,
  isInitialMagic,
} from '@nbdjs/protocol';
import { receive } from '../script/steps.ts';
import type { Conversation } from './conversation.ts';
import type { ExportAnswer } from './facts.ts';
import { describeForeignPeer } from './foreign-peers.ts';
import { nameOfExport } from './refusals.ts';
import type { Step } from './steps.ts';

/** Reads the greeting and answers it. Returns the export of an oldstyle server, which sends nothing more. */
export function* greet(conversation: Conversation): Step<ExportAnswer | undefined> {
  const magic = yield* receive(GreetingBytes.initialMagic);
  if (!isInitialMagic(magic)) throw notNbd(magic);
  conversation.isNbd = true;
  const serverMagic = yield* receive(GreetingBytes.serverMagic);
  switch (decodeServerMagic(serverMagic)) {
    case 'newstyle':
      yield* newstyle(conversation);
      return undefined;
    case 'oldstyle':
      return yield* oldstyle(conversation);
    default:
      throw new ProtocolError('unknown-greeting', 'greeting of the server is neither newstyle nor oldstyle', {
        phase: 'handshake',
        rule: 'C18',
        excerpt: serverMagic,
      });
  }
}

/** The error for a peer that does not begin like an NBD server. */
export function notNbd(firstBytes: Uint8Array): ConnectError {
  return new ConnectError('ERR_NBD_NOT_NBD', `peer is not an NBD server: ${describeForeignPeer(firstBytes)}`, {
    permanent: true,
  });
}

function* newstyle(conversation: Conversation): Step<void> {
  const offered = decodeHandshakeFlags(yield* receive(GreetingBytes.handshakeFlags));
  // Unknown flags are ignored (C2); only flags that were offered are set (C3).
  const agreed =
    offered & conversation.settings.handshakeFlags & (HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes);
  const fixed = (agreed & HandshakeFlag.FixedNewstyle) !== 0;
  conversation.style = fixed ? 'newstyle-fixed' : 'newstyle';
  conversation.noZeroes = (agreed & HandshakeFlag.NoZeroes) !== 0;
  conversation.farewell = fixed ? 'abort' : 'none';
  conversation.output.push(encodeClientFlags(agreed));
  const { trace } = conversation.settings;
  if (trace.enabled) trace.emit('greeting', { style: conversation.style, offered, agreed });
}

function* oldstyle(conversation: Conversation): Step<ExportAnswer> {
  const { exportName, tls, trace } = conversation.settings;
  const bytes = yield* receive(GreetingBytes.oldstyleExport);
  const { size, handshakeFlags, transmissionFlags } = decodeOldstyleExport(bytes);
  if (trace.enabled) trace.emit('greeting', { style: conversation.style, offered: handshakeFlags, agreed: 0 });
  if (handshakeFlags !== 0) {
    const message = `oldstyle server sent handshake flags: expected 0, got 0x${handshakeFlags.toString(16)}`;
    throw new ProtocolError('oldstyle-handshake-flags', message, { phase: 'handshake', rule: 'S1', excerpt: bytes });
  }
  conversation.farewell = 'disconnect';
  if (tls === 'require') throw tlsImpossible('it uses the oldstyle handshake');
  if (exportName !== '') {
    const message = `${nameOfExport(exportName)} is not available: an oldstyle server has one export without a name`;
    throw new NegotiationError('ERR_NBD_UNKNOWN_EXPORT', message);
  }
  return { size, transmissionFlags };
}

/** The error for a caller that requires TLS of a server that cannot even be asked for it (C20). */
export function tlsImpossible(why: string): NegotiationError {
  const message = `TLS is required but the server cannot negotiate it: ${why}`;
  return new NegotiationError('ERR_NBD_TLS_REFUSED', message, { option: 'STARTTLS' });
}
