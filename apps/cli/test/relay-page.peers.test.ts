/** `nbd relay` before a page in Chromium that offers a file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createConnection, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLine, describePeers, makeRawImage, runPeer, sha256OfFile, spawnChild } from '@nbdjs/peers';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { nbdWith } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 2 ** 20;
const token = 'correct-horse-battery';

/** A page in headless Chromium, until the stack is left. */
function openPage(url: string): AsyncDisposable {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-chromium-'));
  const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  const command = commandLine('chromium', 'bookworm', [...args, `--user-data-dir=${folder}`, url]);
  const child = spawnChild(command, { stdio: 'ignore' });
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

/** Passes connections on to a port, and cuts them when it is told to. */
async function startPipe(port: number) {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    const other = createConnection({ host: '127.0.0.1', port });
    for (const one of [socket, other]) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => sockets.delete(one));
    }
    socket.pipe(other).pipe(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Serves the page and its file, and hears what it reports. */
async function servePage(image: string, relay: () => string) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./pages/offer.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['@nbdjs/source'],
    write: false,
  });
  const events: string[] = [];
  const html = '<!doctype html><title>offer</title><script type="module" src="/page.js"></script>';
  const server = createServer(async (request, response) => {
    if (request.url === '/event') for await (const chunk of request) events.push(String(chunk));
    if (request.url === '/page.js') response.setHeader('Content-Type', 'text/javascript');
    else if (request.url === '/') response.setHeader('Content-Type', 'text/html');
    const bodies: Readonly<Record<string, () => string | Uint8Array>> = {
      '/': () => html,
      '/page.js': () => outputFiles[0]?.contents ?? '',
      '/disk.img': () => readFileSync(image),
      '/settings.json': () => JSON.stringify({ relay: relay(), token }),
    };
    response.end(bodies[request.url ?? '']?.() ?? '');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describePeers('nbd relay before a page', ['qemu-img', 'chromium'], (generation) => {
  inWorkspace(generation);

  it('serves its file to qemu-img, over a connection that is cut in between', { timeout: 60_000 }, async () => {
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, 64 * mebi, [{ offset: 0, length: 60 * mebi + 77 }]);
    writeFileSync(workspace.hostPath('tokens'), `${token}\n`);
    let relay = '';
    await using page = await servePage(image, () => relay);
    const abort = new AbortController();
    let printed = '';
    const running = nbdWith(
      { signal: abort.signal, hearErrors: (text) => (printed += text) },
      ...['relay', '0', '--socket', workspace.socketPath('relay'), '--web-origin', page.url],
      ...['--web-token-file', workspace.hostPath('tokens')],
    );
    await expect.poll(() => printed).toMatch(/pages connect to ws:/);
    await using pipe = await startPipe(Number(/pages connect to ws:\/\/127.0.0.1:(\d+)/.exec(printed)?.[1]));
    relay = `ws://127.0.0.1:${pipe.port}/`;
    await using _ = openPage(`${page.url}/`);
    await expect.poll(() => page.events, { timeout: 30_000 }).toContain('connected');
    const uri = `nbd+unix:///?socket=${workspace.peerPath('relay')}`;
    const copying = runPeer('qemu-img', generation, [
      'convert',
      '-f',
      'raw',
      '-O',
      'raw',
      uri,
      workspace.peerPath('copy.img'),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    pipe.cut();
    expect(await copying).toMatchObject({ code: 0 });
    expect(await sha256OfFile(workspace.hostPath('copy.img'))).toBe(await sha256OfFile(image));
    expect(page.events.filter((event) => event === 'connected').length).toBeGreaterThan(1);
    abort.abort(new Error('the test is over'));
    expect(await running).toMatchObject({ code: 0 });
  });
});
