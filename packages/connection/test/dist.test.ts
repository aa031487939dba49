/** The built package, imported by its name by plain JavaScript: the worker's file has to be found there, too. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capabilities } from '@nbdjs/syscalls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Delivery } from '../src/index.ts';
import { ServerThread } from './support/server-thread.ts';

const packages = new URL('../..', import.meta.url).pathname;

/** The packages that this one needs at run time, itself included, that have not been built. */
const notBuilt = ['connection', 'handshake', 'interfaces', 'protocol', 'syscalls', 'transport'].filter(
  (name) => !existsSync(join(packages, name, 'dist', 'index.js')),
);

const deliveries: readonly Delivery[] = capabilities().duplicateDescriptor
  ? ['inline', 'handed-over', 'kept']
  : ['inline', 'kept'];

const reason = notBuilt.length === 0 ? '' : ` (skipped: not built: ${notBuilt.join(', ')})`;

describe.skipIf(notBuilt.length > 0)(`the built package${reason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
  const path = join(folder, 'socket');
  const script = new URL('./support/dist-process.mjs', import.meta.url).pathname;
  const success = {
    status: 0,
    stderr: '',
    result: { source: new URL('../dist/index.js', import.meta.url).href, size: '1048576', received: [1, 2, 3] },
  };
  let server: ServerThread;

  beforeAll(async () => {
    server = await ServerThread.start({ type: 'unix', path });
  });

  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('includes its worker', () => {
    expect(readdirSync(join(packages, 'connection', 'dist'))).toContain('nbdjs-worker.mjs');
  });

  it('includes a worker that needs no other file', () => {
    const worker = readFileSync(join(packages, 'connection', 'dist', 'nbdjs-worker.mjs'), 'utf8');
    const imported = [...worker.matchAll(/^import .* from "(.*)";$/gm)].map(([, name]) => name);
    expect(imported).toContain('node:worker_threads');
    expect(imported.filter((name) => !name?.startsWith('node:'))).toEqual([]);
  });

  it.each(deliveries)('makes connections: %s', (delivery) => {
    expect(run([script, delivery, path])).toEqual(success);
  });

  it.each(deliveries)('makes connections for code on the command line: %s', (delivery) => {
    const code = readFileSync(script, 'utf8');
    expect(run(['--input-type=module', '--eval', code, '--', delivery, path])).toEqual(success);
  });
});

/** Runs Node, from this package's folder and with none of our conditions. */
function run(args: readonly string[]): { status: number | null; stderr: string; result: unknown } {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const cwd = join(packages, 'connection');
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8', timeout: 15_000 });
  return { status, stderr, result: stdout === '' ? undefined : JSON.parse(stdout) };
}
