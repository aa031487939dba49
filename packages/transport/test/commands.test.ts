import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { ByteChannel } from '@nbdjs/interfaces';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectEndpoint, runCommand } from '../src/index.ts';

const modes = ['socket-activation', 'socket-pair'] as const;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-commands-'));
  // The folders that commands get are made in here, so that it can be seen what becomes of them.
  vi.stubEnv('TMPDIR', folder);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** The cause that a channel's sink gets at the end. */
const endOf = (channel: ByteChannel): Promise<Error | undefined> =>
  new Promise((resolve) => {
    channel.open({ writable: () => new Uint8Array(10), advance() {}, drained() {}, ended: resolve });
  });

describe.each(modes)('a command (%s)', (mode) => {
  it('that ends before it sends a byte ends the channel with its exit', async () => {
    const command = ['sh', '-c', 'sleep 0.1; exit 42'] as const;
    const channel = await connectEndpoint({ type: 'command', command: [...command], mode });
    const expected = { code: 'ERR_NBD_COMMAND', message: '[ sh -c sleep 0.1; exit 42 ]: it ended with exit code 42' };
    expect(await endOf(channel)).toMatchObject(expected);
    expect(await channel.closed).toMatchObject({ by: 'error', cause: expected });
  });

  it('that is killed is distinguished from one that ends', async () => {
    const server = await runCommand({ command: ['sleep', '60'], mode });
    const channel = await server.connect();
    const end = endOf(channel);
    server.kill('SIGKILL');
    expect(await end).toMatchObject({ message: '[ sleep 60 ]: it was ended by SIGKILL' });
    await expect(server.connect()).rejects.toMatchObject({ code: 'ERR_NBD_COMMAND' });
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('that may not be executed, or is empty, is not started', async () => {
    const file = join(folder, 'not-executable');
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    await expect(runCommand({ command: [file], mode })).rejects.toThrow(
      `[ ${file} ]: there is no permission to execute it`,
    );
    await expect(runCommand({ command: [''], mode })).rejects.toThrow('[  ]: no program is named');
    expect(readdirSync(folder)).toEqual(['not-executable']);
  });

  it('ends with its signal, and is not started when that has come already', async () => {
    const abort = new AbortController();
    const server = await runCommand({ command: ['sleep', '60'], mode, signal: abort.signal });
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await server.exited).toEqual({ code: null, signal: 'SIGTERM' });
    await expect(runCommand({ command: ['sleep', '60'], mode, signal: abort.signal })).rejects.toBe(reason);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('ends with its only channel, and its folder is removed', async () => {
    const server = await runCommand({ command: ['sleep', '60'], mode, env: { UNUSED: undefined } });
    expect(isRunning(server.pid)).toBe(true);
    await Promise.all([server.dispose(), server.dispose()]);
    expect(isRunning(server.pid)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    await server.dispose();
  });

  it('does not outlive a process that ends without disposing of it, even if it ignores signals', {
    tags: ['slow'],
  }, async () => {
    const stubborn = join(folder, 'stubborn');
    writeFileSync(stubborn, `#!/bin/sh\ntrap '' TERM\ntouch ${folder}/ready\nwhile :; do sleep 0.05; done\n`, {
      mode: 0o755,
    });
    const index = pathToFileURL(join(import.meta.dirname, '../src/index.ts')).href;
    const program = `
      import { existsSync } from 'node:fs';
      import { runCommand } from ${JSON.stringify(index)};
      const server = await runCommand({ command: [${JSON.stringify(stubborn)}], mode: '${mode}' });
      console.log(server.pid);
      const timer = setInterval(() => existsSync('${folder}/ready') && clearInterval(timer), 10);`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...process.execArgv, '--input-type=module', '-e', program],
      { timeout: 15_000 },
    );
    const pid = Number(stdout);
    expect(pid).toBeGreaterThan(1);
    await expect.poll(() => isRunning(pid)).toBe(false);
    expect(existsSync(join(folder, 'ready'))).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith('nbd-'))).toEqual([]);
  });
});

describe('a command', () => {
  it('on a socket pair has one connection', async () => {
    const server = await runCommand({ command: ['cat'], mode: 'socket-pair' });
    const channel = await server.connect();
    await expect(server.connect()).rejects.toThrow('[ cat ]: it has one connection only, and that is in use');
    channel.end();
    // It answers our end with its own: nothing is wrong.
    expect(await endOf(channel)).toBeUndefined();
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  it('on a socket pair loses no byte that it sends before it is connected to', async () => {
    for (const noNative of ['0', '1']) {
      vi.stubEnv('NBDJS_NO_NATIVE', noNative);
      const server = await runCommand({ command: ['sh', '-c', 'printf hello; cat'], mode: 'socket-pair' });
      await new Promise((resolve) => setTimeout(resolve, 200));
      const channel = await server.connect();
      let text = '';
      const landing = Buffer.alloc(100);
      channel.open({
        writable: () => landing,
        advance(byteCount) {
          text += landing.toString('latin1', 0, byteCount);
        },
        drained() {},
        ended() {},
      });
      await expect.poll(() => text).toBe('hello');
      channel.destroy();
      await server.dispose();
    }
  });

  it('has one and the same socket as input and output', async () => {
    const script = 'test "$(readlink /proc/$$/fd/0)" = "$(readlink /proc/$$/fd/1)" || exit 9; printf x; cat';
    const channel = await connectEndpoint({ type: 'command', command: ['sh', '-c', script], mode: 'socket-pair' });
    const byte = new Uint8Array(1);
    await new Promise<void>((resolve, reject) => {
      channel.open({ writable: () => byte, advance: () => resolve(), drained() {}, ended: reject });
    });
    expect(String.fromCharCode(...byte)).toBe('x');
    channel.destroy();
    await channel.closed;
  });
});
