/** Requests after whose answer the connection is a channel: HTTP Upgrade (RFC 9110, section 7.8), and the WebSocket on top of it. */
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type ByteChannel, ConnectError, type PeerDescription } from '@nbdjs/interfaces';
import { answerFault, webSocketHeaders } from './handshake.ts';
import { adoptUpgrade, adoptWebSocket, type Upgraded } from './node-channels.ts';
import { type Attempt, answerFailure, connectFailure } from './open-attempt.ts';
import type { OpenWebSettings } from './open-options.ts';
import { requestOptions } from './open-request.ts';

/** What is asked for, and how its answer becomes a channel. */
interface Wish {
  readonly upgrade: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body?: string | undefined;
  /** Returns what is wrong with the answer. */
  faultOf(response: IncomingMessage): string | undefined;
  adopt(upgraded: Upgraded): ByteChannel;
}

/** Begins to open a WebSocket. */
export function beginWebSocket(url: URL, peer: PeerDescription, settings: OpenWebSettings): Attempt {
  const { protocols } = settings;
  const key = randomBytes(16).toString('base64');
  return begin(url, peer, settings, {
    upgrade: 'websocket',
    method: 'GET',
    headers: webSocketHeaders(key, protocols),
    faultOf: (response) => answerFault(response, key, protocols),
    adopt: (upgraded) => adoptWebSocket(upgraded, 'client', settings),
  });
}

/** Begins a request for an upgrade. */
export function beginUpgrade(url: URL, peer: PeerDescription, settings: OpenWebSettings): Attempt {
  const { upgradeProtocol: upgrade, method, body } = settings;
  const bodyHeaders =
    body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  return begin(url, peer, settings, {
    upgrade,
    method,
    headers: { ...bodyHeaders, Connection: 'Upgrade', Upgrade: upgrade },
    body,
    faultOf: () => undefined,
    adopt: adoptUpgrade,
  });
}

function begin(url: URL, peer: PeerDescription, settings: OpenWebSettings, wish: Wish): Attempt {
  const isSecure = url.protocol === 'https:' || url.protocol === 'wss:';
  const options = requestOptions(url, settings);
  const target = new URL(url);
  target.protocol = isSecure ? 'https:' : 'http:';
  const request = (isSecure ? requestHttps : requestHttp)(target, {
    ...options,
    method: wish.method,
    headers: { ...(options.headers as Record<string, string>), ...wish.headers },
  });
  let reject: (reason: unknown) => void = () => {};
  const channel = new Promise<ByteChannel>((resolve, onError) => {
    reject = onError;
    request.on('error', (error) => reject(connectFailure(error, peer)));
    request.once('response', (response) => void answerFailure(response, peer).then(reject));
    request.once('upgrade', (response, socket, head) => {
      const given = response.headers.upgrade ?? 'nothing';
      const isOther = given.toLowerCase() !== wish.upgrade.toLowerCase();
      const why = isOther ? `it upgrades to ${JSON.stringify(given)}, not to ${wish.upgrade}` : wish.faultOf(response);
      if (why === undefined) {
        resolve(wish.adopt({ stream: socket, head, peer }));
        return;
      }
      socket.destroy();
      reject(new ConnectError('ERR_NBD_NOT_NBD', `cannot connect to ${peer.name}: ${why}`, { permanent: true }));
    });
  });
  request.end(wish.body);
  return {
    channel,
    abandon(reason) {
      reject(reason);
      request.destroy();
    },
  };
}
