import { byteChannelConformance } from '@nbdjs/testkit';
import { afterAll, beforeAll } from 'vitest';
import { WebSocket } from 'ws';
import { openWebSocket, type WebSocketConstructor } from '../src/index.ts';
import { openWeb } from '../src/node/index.ts';
import { type EchoServer, webServer } from './echo.testing.ts';

let server: EchoServer;

beforeAll(async () => {
  server = await webServer();
});

afterAll(() => server.close());

const kill = (): void => server.kill();

byteChannelConformance('a WebSocket of Node', { connect: () => openWeb(`ws://127.0.0.1:${server.port}/`), kill });
byteChannelConformance('a WebSocket with the methods of browsers', {
  connect: () =>
    openWebSocket(`ws://127.0.0.1:${server.port}/`, { WebSocket: WebSocket as unknown as WebSocketConstructor }),
  kill,
});
byteChannelConformance('HTTP Upgrade', { connect: () => openWeb(`http://127.0.0.1:${server.port}/`), kill });
