/** Servers that send back what they get, for the suites of channels. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ByteChannel } from '@nbdjs/interfaces';
import { type AttachWebOptions, attachWeb } from '../src/node/index.ts';

/** Sends back what comes, has the peer wait while it cannot, and ends when the peer ends. */
export function echo(channel: ByteChannel): void {
  const buffer = new Uint8Array(70_000);
  channel.open({
    writable: () => buffer,
    advance: (byteCount) => {
      if (!channel.send([buffer.slice(0, byteCount)])) channel.pause(true);
    },
    drained: () => channel.pause(false),
    ended: () => channel.end(),
  });
}

export interface EchoServer extends AsyncDisposable {
  readonly http: Server;
  readonly port: number;
  /** The channels of all clients, closed or not. */
  readonly channels: readonly ByteChannel[];
  /** Cuts all connections without a closing handshake. */
  kill(): void;
  close(): Promise<void>;
}

/** A server at 127.0.0.1; what it does with channels is `serve`. */
export async function webServer(
  options: AttachWebOptions = {},
  serve: (channel: ByteChannel) => void = echo,
): Promise<EchoServer> {
  const http = createServer();
  const sockets = new Set<{ destroy(): void }>();
  const channels: ByteChannel[] = [];
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const attachment = attachWeb(http, options, (channel) => {
    channels.push(channel);
    serve(channel);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const kill = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const close = async (): Promise<void> => {
    attachment.close();
    const closed = new Promise((resolve) => http.close(resolve));
    kill();
    await closed;
  };
  return {
    http,
    port: (http.address() as AddressInfo).port,
    channels,
    kill,
    close,
    [Symbol.asyncDispose]: close,
  };
}
