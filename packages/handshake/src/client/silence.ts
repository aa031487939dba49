/** The error for a server that sends nothing, or not enough, for too long. */
import { TimeoutError } from '@nbdjs/interfaces';
import { options } from '@nbdjs/protocol';
import type { Conversation } from './conversation.ts';

/** `hasBegun`: a part of the message that is awaited has come. */
export function silence(conversation: Conversation, timeoutMs: number, hasBegun: boolean): TimeoutError {
  const { state, outstanding, isNbd } = conversation;
  const within = `within ${timeoutMs} ms`;
  if (state === 'greeting' && (isNbd || hasBegun)) {
    return new TimeoutError('handshake', `the server's greeting was not complete ${within}`);
  }
  if (state === 'greeting') {
    // A server that expects TLS from the first byte, as behind stunnel, sends as little as a busy one and as a peer that is not an NBD
    // server.
    const guess = 'it may be busy, expect TLS from the first byte (which NBD begins later), or not be an NBD server';
    return new TimeoutError('handshake', `the server sent no greeting ${within}: ${guess}`);
  }
  if (state === 'tls') return new TimeoutError('handshake', `the upgrade to TLS was not complete ${within}`);
  if (outstanding === undefined) return new TimeoutError('handshake', `the handshake was not complete ${within}`);
  const option = options.name(outstanding);
  const what = hasBegun ? `the answer to option ${option} was not complete` : `no answer to option ${option}`;
  return new TimeoutError('handshake', `${what} ${within}`, { option });
}
