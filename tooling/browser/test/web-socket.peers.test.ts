/** Pages and Node over WebSocket: reading, writing and offering a file, each with a connection that is cut in the middle. */
import { readFileSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import { connect } from '@nbdjs/client';
import { createWorkspace, describeTools, runPeer } from '@nbdjs/peers';
import { createServer, serve } from '@nbdjs/server';
import { createMemoryDevice, defineDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { attachWeb, createIncomingChannels } from '@nbdjs/websocket/node';
import { expect, it } from 'vitest';
import { patternPiece, pieceBytes } from '../pages/pattern.ts';
import { runPage } from '../src/chromium.ts';

const mebi = 2 ** 20;

interface ReadResult {
  readonly wrong: number;
  readonly progress: number;
  readonly mebibytesPerSecond: number;
}

describeTools('a page over WebSocket', ['chromium', 'qemu-img'], () => {
  it('reads 256 MiB and writes 32, although its connection is cut', { timeout: 120_000 }, async () => {
    let readBytes = 0;
    let cutCount = 0;
    let cut = (): void => {};
    const source = defineDevice({
      size: 256 * mebi,
      read(offset, target) {
        readBytes += target.length;
        if (readBytes > 100 * mebi && cutCount === 0) cut();
        target.set(
          patternPiece(Math.floor(offset / pieceBytes))
            .subarray(offset % pieceBytes)
            .subarray(0, target.length),
        );
      },
    });
    const memory = createMemoryDevice({ size: 32 * mebi });
    let writtenBytes = 0;
    const target = defineDevice({
      size: 32 * mebi,
      read: (offset, bytes) => memory.read(offset, bytes),
      write(offset, bytes) {
        writtenBytes += bytes.length;
        if (writtenBytes > 16 * mebi && cutCount === 1) cut();
        return memory.write(offset, bytes);
      },
    });
    const server = createServer({ exports: { source, target } });
    const attach = (http: HttpServer) =>
      attachWeb(http, { path: '/nbd' }, (channel) => {
        cut = () => {
          cutCount++;
          channel.destroy();
        };
        void server.accept(channel);
      });
    const result = await runPage<ReadResult>({ page: 'web-socket-page.ts', timeoutMs: 100_000, attach });
    await server.close();
    expect(result).toMatchObject({ wrong: 0, progress: 1 });
    expect(result.mebibytesPerSecond).toBeGreaterThan(5);
    expect(cutCount).toBe(2);
    const bytes = new Uint8Array(pieceBytes);
    for (let index = 0; index < 32; index++) {
      await memory.read(index * pieceBytes, bytes);
      expect(Buffer.compare(bytes, patternPiece(index)), `piece ${index}`).toBe(0);
    }
  });

  it('offers a file that qemu-img copies, and comes back when it is cut off', { timeout: 120_000 }, async () => {
    await using workspace = createWorkspace('bookworm');
    const pages = createIncomingChannels('the page');
    let isDone = false;
    let cut = (): void => {};
    const attach = (http: HttpServer) =>
      attachWeb(http, { path: '/offer' }, (channel) => {
        cut = () => channel.destroy();
        pages.add(channel);
      });
    const page = runPage<{ connections: number }>({
      page: 'offer-page.ts',
      timeoutMs: 100_000,
      attach,
      answers: { '/done': () => (isDone ? 'yes' : 'no') },
    });
    const opener = {
      name: pages.name,
      exportName: 'file',
      open: (options: { signal: AbortSignal }) => pages.open(options),
    };
    const file = await connect(opener, { reconnectDelayMs: 30_000, openTimeoutMs: 30_000 });
    let readBytes = 0;
    const counted = defineDevice({
      size: file.geometry.size,
      read(offset, target) {
        readBytes += target.length;
        if (readBytes > 20 * mebi) {
          readBytes = Number.NEGATIVE_INFINITY;
          cut();
        }
        return file.read(offset, target);
      },
    });
    const socket = { type: 'unix', path: workspace.socketPath('page') } as const;
    const serving = await serve(socket, { listen, exports: { file: counted } });
    const copy = workspace.hostPath('copy.img');
    const uri = `nbd+unix:///file?socket=${socket.path}`;
    const { code, stderr } = await runPeer('qemu-img', 'bookworm', ['convert', '-f', 'raw', '-O', 'raw', uri, copy]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    isDone = true;
    await serving.close();
    await file.close();
    expect((await page).connections).toBe(2);
    const bytes = readFileSync(copy);
    expect(bytes).toHaveLength(48 * mebi);
    for (let index = 0; index < 48; index++) {
      const piece = bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes);
      expect(Buffer.compare(piece, patternPiece(index)), `piece ${index}`).toBe(0);
    }
  });
});
