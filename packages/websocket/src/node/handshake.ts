/** What client and server of a WebSocket tell each other by HTTP (RFC 6455, section 4). */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Refusal } from './refusal.ts';

const version = '13';
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Returns the answer to a client's key. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${guid}`).digest('base64');
}

/** Returns why a request is no handshake of a WebSocket; `undefined` where it is one. */
export function handshakeFault({ method, headers }: IncomingMessage): Refusal | undefined {
  if (method !== 'GET') return { status: 405, reason: 'a WebSocket begins with GET', headers: { Allow: 'GET' } };
  if (headers['sec-websocket-version'] !== version) {
    return {
      status: 426,
      reason: `expected version ${version} of WebSocket`,
      headers: { 'Sec-WebSocket-Version': version },
    };
  }
  const key = headers['sec-websocket-key'] ?? '';
  return /^[A-Za-z0-9+/]{22}==$/.test(key)
    ? undefined
    : { status: 400, reason: 'the key of the WebSocket is malformed' };
}

/** Returns a server's answer. */
export function switchingProtocols(upgrade: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n${lines.join('')}\r\n`;
}

/** Returns the headers by which a client asks for a WebSocket. */
export function webSocketHeaders(key: string, protocols: readonly string[]): Record<string, string> {
  return {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': version,
    'Sec-WebSocket-Key': key,
    ...(protocols.length === 0 ? {} : { 'Sec-WebSocket-Protocol': protocols.join(', ') }),
  };
}

/** Returns what is wrong with a server's answer; `undefined` when it is right. */
export function answerFault(
  { headers }: IncomingMessage,
  key: string,
  protocols: readonly string[],
): string | undefined {
  if (headers['sec-websocket-accept'] !== acceptOf(key)) return 'the answer does not belong to the key that was sent';
  if (headers['sec-websocket-extensions'] !== undefined) return 'the server uses an extension that was not asked for';
  const { 'sec-websocket-protocol': chosen } = headers;
  if (chosen === undefined || protocols.includes(chosen)) return undefined;
  return 'the server has chosen a subprotocol that was not offered';
}
