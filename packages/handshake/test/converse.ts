/** Passes messages between a client's handshake and a scripted server until neither has more. */
import type { ClientHandshake, HandshakeEvent } from '../src/index.ts';
import type { ScriptedServer } from './scripted-server.ts';

/** More rounds than any test needs: if the exchange does not end, there is a bug. */
const roundsMax = 1000;

/**
 * Passes bytes in both directions and upgrades to TLS on request. Returns what happened since the last call. `hear` may observe the
 * server's bytes, or change them.
 */
export function converse(
  client: ClientHandshake,
  server: ScriptedServer,
  hear: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
): readonly HandshakeEvent[] {
  const events: HandshakeEvent[] = [];
  for (let round = 0; round < roundsMax; round++) {
    for (const bytes of client.takeOutput()) server.hear(bytes);
    const words = hear(server.speak());
    if (words.length > 0) client.receive(words);
    let silent = words.length === 0;
    for (let event = client.nextEvent(); event !== undefined; event = client.nextEvent()) {
      silent = false;
      events.push(event);
      if (event.type === 'tls-upgrade') {
        server.upgraded();
        client.tlsEstablished();
      }
    }
    if (!silent) continue;
    if (server.hungUp) client.ended();
    const last = client.nextEvent();
    return last === undefined ? events : [...events, last];
  }
  throw new Error('client and server did not come to an end');
}
