/**
 * Servers that are not there yet, and how long they are waited for.
 *
 * @module-tag slow
 */
import { once, setMaxListeners } from 'node:events';
import { createServer, type Server } from 'node:net';
import { runCommandLine, Workspace } from '@nbdjs/peers/local';
import { Option } from '@nbdjs/protocol';
import { TinyServer } from '@nbdjs/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { Interrupted } from '../src/terminal.ts';
import { nbd, nbdWith, type Outcome } from './harness.ts';

const workspace = new Workspace('bookworm');
/** What ends the servers of all tests. */
const over = new AbortController();
// Each server listens to it by several layers.
setMaxListeners(0, over.signal);
const serving: Promise<Outcome>[] = [];

afterAll(async () => {
  over.abort(new Error('the tests are over'));
  expect(await Promise.all(serving)).toMatchObject(serving.map(() => ({ code: 0 })));
  workspace[Symbol.dispose]();
});

/** Serves until `signal` aborts; settles when clients may come, with what waits for the end. */
async function serve(signal: AbortSignal, ...argv: readonly string[]): Promise<{ ended: Promise<Outcome> }> {
  let onPrinted = (): void => {};
  const printed = new Promise<void>((resolve) => {
    onPrinted = resolve;
  });
  const ended = nbdWith({ signal, hear: onPrinted }, 'serve', '--print-uri', ...argv);
  serving.push(ended);
  await Promise.race([printed, ended]);
  return { ended };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

interface Late {
  readonly uri: string;
  /** Makes the export be there. */
  come(): Promise<unknown>;
}

const sockets = (name: string) => {
  const path = workspace.socketPath(name);
  return {
    path,
    uri: `nbd+unix:///disk?socket=${path}`,
    come: () => serve(over.signal, '-k', path, 'disk=memory:64k'),
  };
};

/** The five ways of not being there yet. */
const ways: Readonly<Record<string, (name: string) => Promise<Late>>> = {
  'no socket': async (name) => sockets(name),
  'a socket that was left behind': async (name) => {
    const late = sockets(name);
    const listening = `require('net').createServer().listen(${JSON.stringify(late.path)}, () => process.kill(process.pid, 9))`;
    await runCommandLine([process.execPath, '-e', listening]);
    return late;
  },
  'connection refused': async () => {
    const server = createServer();
    const port = await listen(server);
    await close(server);
    return {
      uri: `nbd://127.0.0.1:${port}/disk`,
      come: () => serve(over.signal, '-p', `${port}`, 'disk=memory:64k'),
    };
  },
  'accepted and closed': async () => {
    const server = createServer((socket) => socket.end());
    const port = await listen(server);
    return {
      uri: `nbd://127.0.0.1:${port}/disk`,
      come: async () => {
        await close(server);
        await serve(over.signal, '-p', `${port}`, 'disk=memory:64k');
      },
    };
  },
  'no such export yet': async (name) => {
    const late = sockets(name);
    const before = new AbortController();
    const { ended } = await serve(before.signal, '-k', late.path, 'other=memory:64k');
    return {
      uri: late.uri,
      come: async () => {
        before.abort(new Error('replaced'));
        await ended;
        await late.come();
      },
    };
  },
};

/** Proxies go on until they are ended. */
async function serveAgain(uri: string): Promise<Outcome> {
  const socket = workspace.socketPath(`p${serving.length}`);
  const abort = new AbortController();
  const running = nbdWith(
    { signal: abort.signal, hear: () => abort.abort(new Error('it serves')) },
    'serve',
    '--print-uri',
    '-k',
    socket,
    '--retries',
    '3',
    uri,
  );
  return await running;
}

const commands: Readonly<Record<string, (uri: string) => Promise<Outcome>>> = {
  info: (uri) => nbd('info', '--no-content', '--retries', '3', uri),
  'info --size': (uri) => nbd('info', '--size', '--retries', '3', uri),
  'info --map': (uri) => nbd('info', '--map', '--retries', '3', uri),
  dump: (uri) => nbd('dump', '--retries', '3', uri),
  'copy from it': (uri) => nbd('copy', '--retries', '3', uri, 'null:'),
  'copy to it': (uri) => nbd('copy', '--retries', '3', '/etc/hostname', uri),
  serve: serveAgain,
};

describe.concurrent('B7: --retries waits for what is not there yet', () => {
  for (const [way, prepare] of Object.entries(ways)) {
    it(way, { timeout: 30_000 }, async () => {
      const { uri, come } = await prepare(`w${Object.keys(ways).indexOf(way)}`);
      const outcomes = Object.entries(commands).map(async ([name, run]) => ({ name, ...(await run(uri)) }));
      await new Promise((resolve) => setTimeout(resolve, 400));
      await come();
      for (const { name, code, stderr } of await Promise.all(outcomes)) {
        expect({ name, code, stderr }).toMatchObject({
          code: 0,
          stderr: expect.stringMatching(/^nbd: .*; trying again/),
        });
      }
    });

    it(`${way}, and no retries: fails at once`, async () => {
      const { uri, come } = await prepare(`n${Object.keys(ways).indexOf(way)}`);
      for (const command of ['info', 'dump']) {
        expect(await nbd(command, uri)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^nbd: /) });
      }
      await come();
    });
  }

  it('ends, and prints the reason', async () => {
    const { uri } = sockets('never');
    const { code, stderr } = await nbd('info', '--retries', '1', uri);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nbd: .*there is no such socket; trying again\nnbd: .*there is no such socket\n$/),
    });
  });

  it.each(['info', 'dump'])('nbd %s ends at once when it is interrupted', async (command) => {
    const { uri } = sockets('never');
    const silent = createServer();
    const port = await listen(silent);
    for (const target of [uri, `nbd://127.0.0.1:${port}`]) {
      const abort = new AbortController();
      const running = nbdWith({ signal: abort.signal }, command, '--retries', '9', target);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const started = performance.now();
      abort.abort(new Interrupted('SIGINT', 2));
      expect((await running).code).toBe(130);
      expect(performance.now() - started).toBeLessThan(1000);
    }
    await close(silent);
  });

  it('what would be refused again is not waited for', async () => {
    const { uri } = sockets('tls');
    const started = performance.now();
    expect(
      (await nbd('info', '--retries', '5', '--tls', 'require', '--tls-certificates', '/nonexistent', uri)).code,
    ).toBe(1);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('--mode', () => {
  it('A6: options at which a server closes the connection are left out, and --verbose says so', async () => {
    const server = new TinyServer({ exports: ['disk'], hangUpAt: [Option.ExtendedHeaders] });
    const address = await server.listen({ type: 'tcp', host: '127.0.0.1', port: 0 });
    if (address.type !== 'tcp') throw new Error('expected a port');
    const uri = `nbd://127.0.0.1:${address.port}/disk`;
    const quiet = await nbd('info', '--no-content', uri);
    expect(quiet).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('using structured packets') });
    expect(await nbd('info', '--no-content', '--verbose', uri)).toMatchObject({
      code: 0,
      stdout: quiet.stdout,
      stderr: `nbd: ${uri}: the server hung up because of option EXTENDED_HEADERS; trying without EXTENDED_HEADERS\n`,
    });
    await server.close();
  });

  it('is taken by every command that names a server', async () => {
    const { uri, come } = sockets('mode');
    await come();
    for (const mode of ['simple', 'structured', 'extended']) {
      expect(await nbd('info', '--no-content', '--mode', mode, uri)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`using ${mode} packets`),
      });
      // Without structured replies there are no maps, and all is read.
      expect((await nbd('dump', '--mode', mode, '-n', '512', uri)).stdout).toContain('00000000');
      expect(await nbd('copy', '--mode', mode, uri, 'null:')).toMatchObject({ code: 0 });
    }
    expect(await nbd('copy', '--mode', 'none', uri, 'null:')).toMatchObject({ code: 1 });
  });
});
