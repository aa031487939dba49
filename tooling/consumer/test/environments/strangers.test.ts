/**
 * The first half hour of someone who has only a README: an empty folder, `npm init`, the command that it begins with, and its first
 * example, word by word but for the address of the server.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DiskServer, startDiskServer } from '../support/disk-server.ts';
import { blocks, installCommand, readmes } from '../support/readmes.ts';
import { Project } from './support/project.ts';
import { promiseOf } from './support/promises.ts';
import { run } from './support/run.ts';
import { compilerPath, newest, nodePath, oldest, versions } from './support/runtimes.ts';

const nodes = [oldest, newest].map((node) => [`Node ${node.version}`, node] as const);
const compiler = compilerPath(versions.typescript.at(-2) ?? '');

let server: DiskServer;

beforeAll(async () => {
  server = await startDiskServer();
});
afterAll(() => server.close());

describe.each(readmes)('%s', (readme) => {
  it.each(nodes)('%s', async (_, node) => {
    const project = new Project(`try-${readme}`, node);
    await project.npm(['init', '--yes']);
    await project.npm(installCommand(readme).split(' ').slice(1));
    const { given, after = '', prints, leaves, serves, isTypes } = promiseOf(readme);
    const [example = ''] = blocks(readme);
    if (given) writeDisk(join(project.folder, given));
    const name = `example.${isTypes ? 'mts' : 'mjs'}`;
    project.write(name, server.translate(`${example}\n${after}`));
    if (isTypes) {
      const settings = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck', 'false'];
      await project.npm(['install', '--save-dev', '@types/node@20']);
      await run(['node', compiler, name, ...settings, '--types', 'node'], { cwd: project.folder });
    }
    if (serves) return await tryServer(project, nodePath(node.version), serves);
    const printed = await project.node(['example.mjs']);
    if (prints) expect(printed).toMatch(prints);
    await leaves?.(project.folder);
  });
});

describe('cli', () => {
  it.each(nodes)('%s', async (_, node) => {
    const project = new Project('try-cli', node);
    // Globally, but not on this machine.
    const env = { npm_config_prefix: join(project.folder, 'global') };
    await project.npm(installCommand('cli').split(' ').slice(1), env);
    expect(readdirSync(join(project.folder, 'global/bin'))).toEqual(['nbd']);
    const nbd = join(project.folder, 'global/bin/nbd');
    await project.node([nbd, 'demo']);
    const uri = `nbd://127.0.0.1:${server.port}/disk`;
    expect(await project.node([nbd, 'info', '--size', uri])).toBe(`${64 * 2 ** 20}\n`);
    await project.node([nbd, 'copy', uri, 'copy.img']);
    expect(readdirSync(project.folder)).toContain('copy.img');
  });
});

/** A file of 1 MiB with data from 64 KiB on. */
function writeDisk(path: string): void {
  const fd = openSync(path, 'wx');
  writeSync(fd, new Uint8Array(4096).fill(1), 0, 4096, 65536);
  ftruncateSync(fd, 2 ** 20);
  closeSync(fd);
}

/** Runs a server that prints where it is, uses it, and has it end in good order. */
async function tryServer(project: Project, node: string, use: (uri: string) => Promise<void>): Promise<void> {
  const child = spawn(node, ['example.mjs'], { cwd: project.folder, env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  try {
    const [uri] = await once(child.stdout.setEncoding('utf8'), 'data');
    await use(String(uri).trim());
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
}
