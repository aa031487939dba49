/** A program with a client, bundled, and run in a folder that has nothing else. */
import { copyFileSync, mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { bundlers } from '../support/bundlers.ts';
import { type DiskServer, startDiskServer } from '../support/disk-server.ts';
import { Project } from './support/project.ts';
import { run } from './support/run.ts';
import { newest, nodePath, oldest } from './support/runtimes.ts';

/** What becomes of the worker's file: webpack takes it along; the others do not, and connections are made in the caller's thread. */
const deliveries: Readonly<Record<string, string>> = { webpack: 'handed-over' };

const project = new Project('bundled', newest);
const app = join(project.folder, 'app.mjs');
let server: DiskServer;

beforeAll(async () => {
  server = await startDiskServer();
  await project.npm(['install', '@nbdjs/client']);
  copyFileSync(fileURLToPath(new URL('../support/client-app.mjs', import.meta.url)), app);
});
afterAll(() => server.close());

describe.each(Object.entries(bundlers))('%s', (name, bundle) => {
  const folder = mkdtempSync(join(inject('environments').folder, 'bundle-'));

  beforeAll(() => bundle(app, folder));

  it.each([oldest.version, newest.version])('on Node %s', async (version) => {
    expect(await start(nodePath(version), folder)).toMatchObject({
      delivery: deliveries[name] ?? 'inline',
      length: 512,
    });
  });
});

async function start(program: string, folder: string): Promise<unknown> {
  const file = readdirSync(folder).find((one) => one.startsWith('app.')) ?? 'there is no bundle';
  const { stdout, stderr } = await run([program, file, `nbd://127.0.0.1:${server.port}/disk`], { cwd: folder });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}
