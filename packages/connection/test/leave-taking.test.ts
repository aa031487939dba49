/** How connections that are not used are left: with a message to the server. */
import { createServer, type Server, type Socket } from 'node:net';
import { Command, encodeGreeting, Option } from '@nbdjs/protocol';
import { listenAt, TinyServer } from '@nbdjs/testkit';
import { afterEach, expect, it } from 'vitest';
import { createInlineConnector, openNegotiation } from '../src/index.ts';

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const anyPort = { type: 'tcp', host: '127.0.0.1', port: 0 } as const;

/** Greets as servers did before there were options; collects the bytes that it receives. */
async function oldstyleServer() {
  const heard: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    socket.on('error', () => {});
    socket.write(encodeGreeting({ style: 'oldstyle', size: 4096n, transmissionFlags: 1, handshakeFlags: 0 }));
  });
  cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy();
  });
  return { address: await listenAt(server, anyPort), heard: () => Buffer.concat(heard) };
}

function expectDisconnect(bytes: Buffer): void {
  expect(bytes).toHaveLength(28);
  expect(bytes.readUInt32BE()).toBe(0x25609513);
  expect(bytes.readUInt16BE(6)).toBe(Command.Disconnect);
}

it('A11: an oldstyle server, which is in transmission from the start, gets DISC', async () => {
  const { address, heard } = await oldstyleServer();
  const negotiation = await openNegotiation(address);
  await negotiation.abort();
  await expect.poll(() => heard().length).toBeGreaterThan(0);
  expectDisconnect(heard());
});

it('A11: so does the server of a connection that was made and not needed any more', async () => {
  const { address, heard } = await oldstyleServer();
  const connector = createInlineConnector({ endpoint: address });
  await connector.establish({ wait: false }).catch(() => {});
  // It is made meanwhile, and kept.
  await new Promise((resolve) => setTimeout(resolve, 200));
  connector.release();
  await expect.poll(() => heard().length).toBeGreaterThan(0);
  expectDisconnect(heard());
});

/** Greets late, supports only EXPORT_NAME, and collects the bytes that it receives in the transmission phase. */
async function slowServer() {
  const heard: Buffer[] = [];
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections++;
    let isServing = false;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      if (isServing) heard.push(chunk);
      for (let at = chunk.indexOf('IHAVEOPT'); at >= 0 && !isServing; at = chunk.indexOf('IHAVEOPT', at + 1)) {
        const option = chunk.readUInt32BE(at + 8);
        isServing = option === Option.ExportName;
        const reply = Buffer.alloc(isServing ? 10 : 20);
        if (!isServing) {
          reply.writeBigUInt64BE(0x3e889045565a9n);
          reply.writeUInt32BE(option, 8);
          reply.writeUInt32BE(0x80000001, 12);
        }
        socket.write(reply);
      }
    });
    setTimeout(() => socket.write(encodeGreeting({ style: 'newstyle', handshakeFlags: 3 })), 60);
  });
  cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
  return {
    address: await listenAt(server, anyPort),
    heard: () => Buffer.concat(heard),
    connections: () => connections,
  };
}

it('A11: and so does a server that is left in the middle of the handshake, unless it is slow', async () => {
  const { address, heard, connections } = await slowServer();
  const connector = createInlineConnector({ endpoint: address });
  await connector.establish({ wait: false }).catch(() => {});
  await expect.poll(connections).toBe(1);
  connector.release();
  await expect.poll(() => heard().length).toBeGreaterThan(0);
  expectDisconnect(heard());
});

it('A11: a server that sends nothing is left without a message, but soon', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(
      socket
        .on('close', () => sockets.delete(socket))
        .on('error', () => {})
        .resume(),
    );
  });
  cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
  const connector = createInlineConnector({ endpoint: await listenAt(server, anyPort) });
  await connector.establish({ wait: false }).catch(() => {});
  await expect.poll(() => sockets.size).toBe(1);
  connector.release();
  await expect.poll(() => sockets.size).toBe(0);
});

it('A11: the connection is closed soon, even if the server does not', async () => {
  const server = new TinyServer();
  const address = await server.listen(anyPort);
  cleanUps.push(() => server.close());
  const connector = createInlineConnector({ endpoint: address });
  await connector.establish({ wait: false }).catch(() => {});
  await expect.poll(() => server.openCount).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  connector.release();
  await expect.poll(() => server.openCount, { timeout: 3000 }).toBe(0);
});
