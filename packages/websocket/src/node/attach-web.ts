/** Channels from the clients of a Node `http` or `https` server that belongs to the caller. */
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ByteChannel, type PeerDescription, UsageError } from '@nbdjs/interfaces';
import { type SettingsOf, toError } from '@nbdjs/kit';
import { Admission, kindOf } from './admission.ts';
import { type AttachWebOptions, attachWebOptions, type WebKind, type WebRequest } from './attach-options.ts';
import { announceRefusal } from './diagnostics.ts';
import { acceptOf, switchingProtocols } from './handshake.ts';
import { adoptUpgrade, adoptWebSocket } from './node-channels.ts';
import { type Refusal, refuse } from './refusal.ts';
import { protocolsOf } from './token.ts';
import { addRoute, removeRoute } from './upgrade-routes.ts';

/** A server that takes clients. */
export interface WebAttachment {
  /** Channels that are open. */
  readonly connections: number;
  /** Takes no more clients; the channels that are open stay open. The server goes on with everything else. */
  close(): void;
}

/** What a client's request comes with. */
interface Arrival {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/**
 * Takes clients by WebSocket and by HTTP Upgrade from a server of Node's, which may serve anything else besides. Each client becomes a
 * channel that reads nothing before it is opened, such as `server.accept` of `@nbdjs/server` takes it.
 *
 * TLS is the server's: with one of `node:https`, clients use `wss:` and `https:`.
 *
 * @param onChannel Called with each channel and the request that it came by. A channel belongs to it from then on.
 * @throws UsageError `ERR_NBD_ARGUMENT` when an option is wrong.
 */
export function attachWeb(
  server: HttpServer | HttpsServer,
  options: AttachWebOptions,
  onChannel: (channel: ByteChannel, request: WebRequest) => void,
): WebAttachment {
  if (typeof onChannel !== 'function') {
    throw new UsageError('ERR_NBD_ARGUMENT', 'attachWeb: expected a function that takes the channels');
  }
  const attachment = new Attachment(attachWebOptions.resolve('attachWeb', options), onChannel);
  const route = {
    path: attachment.path,
    take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void attachment.take({ request, socket, head }),
  };
  addRoute(server, route);
  return {
    get connections() {
      return attachment.connections;
    },
    close() {
      attachment.close();
      removeRoute(server, route);
    },
  };
}

class Attachment {
  readonly #settings: SettingsOf<typeof attachWebOptions>;
  readonly #onChannel: (channel: ByteChannel, request: WebRequest) => void;
  readonly #admission: Admission;
  readonly #open = new Set<ByteChannel>();
  #isClosed = false;

  constructor(
    settings: SettingsOf<typeof attachWebOptions>,
    onChannel: (channel: ByteChannel, request: WebRequest) => void,
  ) {
    this.#settings = settings;
    this.#onChannel = onChannel;
    this.#admission = new Admission(settings);
  }

  get path(): string {
    return this.#settings.path;
  }

  get connections(): number {
    return this.#open.size;
  }

  close(): void {
    this.#isClosed = true;
  }

  async take(arrival: Arrival): Promise<void> {
    const { request, socket } = arrival;
    const peer = describe(request);
    // A client that is gone before it is a channel is no fault of ours.
    socket.on('error', () => {});
    const decision = await this.#admission.decide(request, this.#open.size);
    if (socket.destroyed) return;
    if (this.#isClosed) this.#refuse(socket, peer, { status: 503, reason: 'the server takes no more clients' });
    else if ('status' in decision) this.#refuse(socket, peer, decision);
    else this.#accept(arrival, peer, decision);
  }

  #refuse(socket: Duplex, peer: PeerDescription, refusal: Refusal): void {
    announceRefusal(peer, refusal.status, refusal.reason);
    refuse(socket, refusal);
  }

  #accept({ request, socket, head }: Arrival, peer: PeerDescription, asked: WebRequest): void {
    const upgraded = { stream: socket, head, peer };
    if (asked.kind === 'upgrade') {
      socket.write(switchingProtocols(this.#settings.upgradeProtocol));
      this.#give(adoptUpgrade(upgraded), asked);
      return;
    }
    const chosen = this.#chooseProtocol(protocolsOf(request));
    const accept = acceptOf(request.headers['sec-websocket-key'] ?? '');
    const protocol = chosen === undefined ? {} : { 'Sec-WebSocket-Protocol': chosen };
    socket.write(switchingProtocols('websocket', { 'Sec-WebSocket-Accept': accept, ...protocol }));
    this.#give(adoptWebSocket(upgraded, 'server', this.#settings), asked);
  }

  #give(channel: ByteChannel, request: WebRequest): void {
    this.#open.add(channel);
    void channel.closed.then(() => this.#open.delete(channel));
    try {
      this.#onChannel(channel, request);
    } catch (error) {
      channel.destroy(toError(error));
      throw error;
    }
  }

  /** A page needs to get one of the subprotocols that it offers. If the token is all it offers, it gets that, as from OpenBMC. */
  #chooseProtocol(offered: readonly string[]): string | undefined {
    const known = offered.find((one) => this.#settings.protocols.includes(one));
    return known ?? offered.find((one) => this.#admission.isToken(one));
  }
}

function describe(request: IncomingMessage): PeerDescription {
  const { remoteAddress: address, remotePort } = request.socket;
  const kind: WebKind = kindOf(request) ?? 'upgrade';
  const place =
    address === undefined || remotePort === undefined
      ? 'socket'
      : `${address.includes(':') ? `[${address}]` : address}:${remotePort}`;
  return {
    name: `${place} by ${kind === 'websocket' ? 'WebSocket' : 'HTTP Upgrade'}`,
    transport: kind === 'websocket' ? 'websocket' : 'http-upgrade',
    tls: 'encrypted' in request.socket,
    ...(address === undefined ? {} : { address }),
  };
}
