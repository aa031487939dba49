/** One page in headless Chromium, which reports one result. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, spawnChild } from '@nbdjs/peers';
import { bundlePage } from './bundle.ts';

export interface PageOptions {
  /** The file of `pages` that the page runs. */
  readonly page: string;
  /** The file of `pages` that the page can start as a worker, from `/worker.js`. */
  readonly worker?: string | undefined;
  /** Takes the page's server before it listens, to add to it what the page connects to. */
  readonly attach?: ((server: Server) => unknown) | undefined;
  /** What the page gets from other paths, as text. */
  readonly answers?: Readonly<Record<string, () => string>> | undefined;
  /** Whether the page may share memory with its workers. @default false */
  readonly isIsolated?: boolean | undefined;
  /** @default 40000 */
  readonly timeoutMs?: number | undefined;
}

/** Origins are isolated by these headers. */
const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const document =
  '<!doctype html><meta charset="utf-8"><title>nbdjs</title><script type="module" src="/page.js"></script>';
const resultBytesMax = 16 * 2 ** 20;

/**
 * Runs a page, and returns what it has reported by `report` of `pages/report.ts`.
 *
 * @throws the error that the page has reported, or one that says that it has reported nothing in time.
 */
export async function runPage<Result>(options: PageOptions): Promise<Result> {
  const { page, worker, attach, answers = {}, isIsolated = false, timeoutMs = 40_000 } = options;
  const files = new Map([
    ['/', { type: 'text/html', text: document }],
    ['/page.js', { type: 'text/javascript', text: (await bundlePage(page)).text }],
  ]);
  if (worker !== undefined) files.set('/worker.js', { type: 'text/javascript', text: (await bundlePage(worker)).text });

  const fileFor = (path: string) => {
    const answer = answers[path];
    return answer === undefined ? files.get(path) : { type: 'text/plain', text: answer() };
  };
  let take = (_result: Report): void => {};
  const reported = new Promise<Report>((resolve) => {
    take = resolve;
  });
  const server = createServer((request, response) => {
    if (request.method === 'POST') void readReport(request, response).then(take, () => response.destroy());
    else sendFile(response, fileFor(request.url ?? ''), isIsolated ? isolation : {});
  });
  attach?.(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const profile = mkdtempSync(join(tmpdir(), 'nbdjs-chromium-'));
  const chromium = startChromium(`http://127.0.0.1:${port}/`, profile);
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${page} has reported nothing within ${timeoutMs} ms`)), timeoutMs);
      void chromium.exited.then(({ code, signal }) => reject(new Error(`Chromium has ended: ${code ?? signal}`)));
    });
    const { error, result } = await Promise.race([reported, late]);
    if (error !== undefined) throw new Error(`${page}: ${error}`);
    return result as Result;
  } finally {
    clearTimeout(timer);
    chromium.kill('SIGKILL');
    await chromium.exited;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface Report {
  readonly error?: string;
  readonly result?: unknown;
}

function startChromium(url: string, profile: string) {
  const path = findProgram('chromium', 'bookworm');
  if (path === undefined) throw new Error('Chromium is not installed');
  const flags = [
    '--headless=new',
    // Tests run as root in containers, where its own sandbox does not start.
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    `--user-data-dir=${profile}`,
  ];
  return spawnChild([path, ...flags, url], { stdio: 'ignore' });
}

function sendFile(
  response: ServerResponse,
  file: { readonly type: string; readonly text: string } | undefined,
  headers: Readonly<Record<string, string>>,
): void {
  if (file === undefined) response.writeHead(404).end();
  else response.writeHead(200, { ...headers, 'Content-Type': file.type, 'Cache-Control': 'no-store' }).end(file.text);
}

async function readReport(request: IncomingMessage, response: ServerResponse): Promise<Report> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > resultBytesMax) throw new Error('the report is too long');
    chunks.push(chunk);
  }
  response.writeHead(204).end();
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Report;
}
