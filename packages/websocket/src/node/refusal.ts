/** Refusing a request that wants to become a channel, before it is one. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Why a request is refused. */
export interface Refusal {
  /** The status of HTTP. */
  readonly status: number;
  /** One sentence for the client. */
  readonly reason: string;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Answers a request and ends its connection. */
export function refuse(socket: Duplex, { status, reason, headers = {} }: Refusal): void {
  const body = `${reason}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  // A client that does not read its answer must not keep the connection open.
  socket.once('finish', () => socket.destroy());
  if (!socket.destroyed) socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
