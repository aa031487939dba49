/** Who gets the path of a Unix socket, and who removes it. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectUnix, type Listener, listen } from '../src/index.ts';

let folder: string;
let path: string;
const listeners: Listener[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
  path = join(folder, 'socket');
});

afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Listens, and sends `name` to each client. */
async function serve(name: string, at = path): Promise<Listener> {
  const listener = await listen({ type: 'unix', path: at }, (channel) => {
    channel.send([Buffer.from(name)]);
    channel.end();
  });
  listeners.push(listener);
  return listener;
}

/** Who answers. */
function ask(at = path): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: at }).on('error', reject);
    socket.on('data', (bytes) => {
      socket.destroy();
      resolve(String(bytes));
    });
  });
}

/** The socket file of a server that has ended, made some time ago. */
async function leaveBehind(at = path): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ path: join(folder, 'other') }, resolve));
  linkSync(join(folder, 'other'), at);
  await new Promise((resolve) => server.close(resolve));
}

const taken = (at = path) => ({
  name: 'ConnectError',
  code: 'ERR_NBD_CONNECT',
  message: expect.stringMatching(`^cannot listen on ${at}: address already in use: `) as string,
});

describe('F29: the path of a Unix socket', () => {
  it('is not taken from a running server, nor removed by one that did not get it', async () => {
    await serve('first');
    await expect(serve('second')).rejects.toMatchObject(taken());
    expect(await ask()).toBe('first');
    expect(readdirSync(folder)).toEqual(['socket']);
  });

  it('is not taken from a foreign server, however full its queue', async () => {
    const script =
      'import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0); print(flush=True); sys.stdin.read()';
    const server = spawn('python3', ['-c', script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const over = new Promise((resolve) => server.once('close', resolve));
    const visitors: Socket[] = [];
    try {
      await new Promise((resolve) => server.stdout.once('data', resolve));
      for (let count = 0; count < 3; count++) visitors.push(connect({ path }).on('error', () => {}));
      await expect(serve('second')).rejects.toMatchObject(taken());
      expect(lstatSync(path).isSocket()).toBe(true);
    } finally {
      for (const visitor of visitors) visitor.destroy();
      server.stdin.end();
      await over;
    }
  });

  it('is taken from a server that has ended', async () => {
    await leaveBehind();
    expect(lstatSync(path).isSocket()).toBe(true);
    await serve('second');
    expect(await ask()).toBe('second');
  });

  it('is given to exactly one of two that begin at once, with an unused socket file or without', async () => {
    for (let round = 0; round < 30; round++) {
      const at = join(folder, `socket-${round}`);
      if (round % 2 === 0) await leaveBehind(at);
      const outcomes = await Promise.allSettled(['one', 'other', 'third'].map((name) => serve(name, at)));
      const won = outcomes.map(({ status }) => status === 'fulfilled');
      expect(won.filter((isFulfilled) => isFulfilled)).toHaveLength(1);
      expect(await ask(at)).toBe(['one', 'other', 'third'][won.indexOf(true)]);
    }
    for (const listener of listeners.splice(0)) await listener.close();
    expect(readdirSync(folder)).toEqual([]);
  }, 60_000);

  it('is not removed at the end if it belongs to another server by then', async () => {
    const first = await serve('first');
    unlinkSync(path);
    await serve('second');
    await first.close();
    expect(await ask()).toBe('second');
    await listeners.pop()?.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['a folder', (at: string) => mkdirSync(at)],
    ['a link that leads nowhere', (at: string) => symlinkSync('nowhere', at)],
  ])('is not taken from %s', async (_what, make) => {
    make(path);
    await expect(serve('second')).rejects.toThrow(
      `cannot listen on ${path}: address already in use: the file there is not a socket`,
    );
    expect(existsSync(path) || lstatSync(path).isSymbolicLink()).toBe(true);
  });

  it('may be as long as the system allows, and no longer', async () => {
    const longest = join(folder, 'x'.repeat(107 - folder.length - 1));
    await serve('long', longest);
    expect(await ask(longest)).toBe('long');
    expect(readdirSync(folder)).toHaveLength(1);
    await expect(serve('longer', `${longest}y`)).rejects.toMatchObject({
      code: 'ERR_NBD_ARGUMENT',
      message: `the path of the Unix socket has 108 bytes, at most 107 are possible: ${longest}y`,
    });
    // With no room for a longer name than its own.
    const deep = join(folder, 'd'.repeat(107 - folder.length - 4));
    mkdirSync(deep);
    await serve('short', join(deep, 's'));
    expect(await ask(join(deep, 's'))).toBe('short');
  });

  it.each(['', 'a\0b'])('cannot be %j', async (impossible) => {
    await expect(serve('nobody', impossible)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it('may read as a number, and so may the random name under which the socket begins', async () => {
    // Node would take '.67283857305' for a number if it was asked to listen there.
    const digits = Buffer.from('672838573050672838573050', 'hex');
    const random = vi.spyOn(process.getBuiltinModule('node:crypto'), 'randomBytes').mockImplementation(() => digits);
    const before = process.cwd();
    process.chdir(folder);
    try {
      await serve('first', '123');
      await serve('second', '.5');
      expect(await ask(join(folder, '123'))).toBe('first');
      expect(await ask('.5')).toBe('second');
      (await connectUnix('123')).destroy();
    } finally {
      // Their paths are relative to the folder.
      for (const listener of listeners.splice(0)) await listener.close();
      random.mockRestore();
      process.chdir(before);
    }
  });

  it('is reported with the cause, once', async () => {
    await expect(serve('nobody', join(folder, 'no', 'x'))).rejects.toThrow(
      `cannot listen on ${join(folder, 'no', 'x')}: no such file or directory`,
    );
    const port = await listen({ type: 'tcp', host: '127.0.0.1', port: 0 }, () => {});
    listeners.push(port);
    const { address } = port;
    await expect(listen({ ...address, type: 'tcp' } as never, () => {})).rejects.toThrow(
      /^cannot listen on 127\.0\.0\.1:\d+: address already in use$/,
    );
  });

  it.runIf(process.platform === 'linux')('may be a name in the abstract namespace', async () => {
    const name = `\0nbdjs-listen-${process.pid}`;
    await serve('abstract', name);
    const channel = await connectUnix(name);
    channel.destroy();
    await channel.closed;
  });
});
