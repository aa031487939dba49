/** Servers that send back what they get, for the suites of channels. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createConnection, createServer as createTcpServer, type Socket } from 'node:net';
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
    for (const channel of channels) channel.destroy();
    kill();
    await closed;
  };
  return {
    http,
    port: (http.address() as AddressInfo).port,
    channels,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Passes connections on to a port, and cuts them without a closing handshake when it is told to. */
export async function startPipe(port: number): Promise<{ readonly port: number; kill(): void; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    const other = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true });
    for (const one of [socket, other]) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => sockets.delete(one));
    }
    socket.pipe(other).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kill = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    kill,
    close() {
      kill();
      server.close();
    },
  };
}
