/** The page, and the disks that it may look into: one server for both. */

import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BlockDevice, ByteChannel } from '@nbdjs/interfaces';
import { createServer } from '@nbdjs/server';
import { attachWeb } from '@nbdjs/websocket/node';
import { build } from 'esbuild';

const files: Readonly<Record<string, { readonly type: string; readonly make: () => Promise<string> }>> = {
  '/': { type: 'text/html', make: () => readFile(new URL('page/index.html', import.meta.url), 'utf8') },
  '/page.css': { type: 'text/css', make: () => readFile(new URL('page/page.css', import.meta.url), 'utf8') },
  '/page.js': { type: 'text/javascript', make: bundle },
};

/** What a page of ours needs, and nothing from elsewhere. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src ws: wss: 'self'";

export interface Site extends AsyncDisposable {
  /** Where the page is, on this machine only. It has no token: that is for the user to type, or to have in the link. */
  readonly url: string;
  /** Cuts the page's connections, as a bad network does. */
  cut(): void;
}

export interface SiteOptions {
  readonly exports: Readonly<Record<string, BlockDevice>>;
  /** Who knows it may use the disks. */
  readonly token: string;
  /** 0 for any that is free. */
  readonly port?: number;
}

/** Serves the page by HTTP, and the disks by WebSocket under `/nbd`. */
export async function startSite({ exports, token, port = 0 }: SiteOptions): Promise<Site> {
  const nbd = createServer({ exports });
  const http = createHttpServer(async (request, response) => {
    const file = request.method === 'GET' ? files[request.url ?? ''] : undefined;
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    const text = await file.make();
    response.writeHead(200, { 'Content-Type': file.type, 'Content-Security-Policy': policy }).end(text);
  });
  const channels = new Set<ByteChannel>();
  const web = attachWeb(http, { path: '/nbd', tokens: [token] }, (channel) => {
    channels.add(channel);
    void nbd.accept(channel).finally(() => channels.delete(channel));
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
    cut() {
      for (const channel of channels) channel.destroy();
    },
    async [Symbol.asyncDispose]() {
      await web.close();
      await nbd.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** The page's program and all packages that it needs, in one file. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL('page/page.ts', import.meta.url).pathname],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['@nbdjs/source'],
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}
