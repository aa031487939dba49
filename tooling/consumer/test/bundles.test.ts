/** A client in a bundle, by each of the usual bundlers, in a folder that has nothing else. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleByEsbuild, bundlers } from './support/bundlers.ts';
import { type DiskServer, startDiskServer } from './support/disk-server.ts';
import { cannotInstall, projects } from './support/installed.ts';

/** The program, in a project that has `@nbdjs/client` and nothing else. */
const project = join(projects, 'client');
const app = join(project, 'app.mjs');

const isInline = { delivery: 'inline', reason: expect.stringContaining('is not beside its module'), length: 512 };
const isThreaded = { delivery: expect.stringMatching(/^(kept|handed-over)$/), reason: expect.any(String), length: 512 };

let workerInstalled: string;
let server: DiskServer;
let folder: string;

beforeAll(async () => {
  copyFileSync(fileURLToPath(new URL('./support/client-app.mjs', import.meta.url)), app);
  workerInstalled = createRequire(join(projects, 'connection/x.js')).resolve('@nbdjs/connection/worker');
  server = await startDiskServer();
});

afterAll(() => server.close());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-bundle-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe.skipIf(cannotInstall)('a client in a bundle', () => {
  it.each(Object.keys(bundlers).filter((name) => name !== 'webpack'))('of %s', async (name) => {
    await bundlers[name]?.(app, folder);
    expect(await start()).toEqual(isInline);
  });

  it('of webpack, which takes the worker along', async () => {
    await bundlers.webpack?.(app, folder);
    expect(await start()).toEqual(isThreaded);
  });

  it('of esbuild, with the worker in a second entry and its location as an option', async () => {
    await bundleByEsbuild(app, join(folder, 'app.mjs'));
    // An empty file, if the package said that it had no side effects.
    await bundleByEsbuild(workerInstalled, join(folder, 'threads.mjs'));
    expect(await start(pathToFileURL(join(folder, 'threads.mjs')).href)).toEqual(isThreaded);
  });

  it('of esbuild, with a copy of the worker beside it', async () => {
    await bundleByEsbuild(app, join(folder, 'app.mjs'));
    copyFileSync(workerInstalled, join(folder, 'nbdjs-worker.mjs'));
    expect(await start()).toEqual(isThreaded);
  });
});

/** Runs the bundle where nothing is but what the bundler has put there. */
async function start(...args: readonly string[]): Promise<unknown> {
  const name = readdirSync(folder).find((file) => file.startsWith('app.')) ?? 'there is no bundle';
  const { NODE_OPTIONS: _, ...env } = process.env;
  const all = [join(folder, name), `nbd://127.0.0.1:${server.port}/disk`, ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, all, { cwd: folder, env, timeout: 20_000 });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}
