import { byteChannelConformance } from '@nbdjs/testkit';
import { afterAll, beforeAll } from 'vitest';
import { WebSocket } from 'ws';
import { openWebSocket, type WebSocketConstructor } from '../src/index.ts';
import { openWeb } from '../src/node/index.ts';
import { type EchoServer, startPipe, webServer } from './echo.testing.ts';

let server: EchoServer;
let pipe: Awaited<ReturnType<typeof startPipe>>;

beforeAll(async () => {
  server = await webServer();
  pipe = await startPipe(server.port);
});

afterAll(async () => {
  pipe.close();
  await server.close();
});

const kill = (): void => pipe.kill();

byteChannelConformance('a WebSocket of Node', { connect: () => openWeb(`ws://127.0.0.1:${pipe.port}/`), kill });
byteChannelConformance('a WebSocket with the methods of browsers', {
  connect: () =>
    openWebSocket(`ws://127.0.0.1:${pipe.port}/`, { WebSocket: WebSocket as unknown as WebSocketConstructor }),
  kill,
});
byteChannelConformance('HTTP Upgrade', { connect: () => openWeb(`http://127.0.0.1:${pipe.port}/`), kill });
