/** Many clients of `nbd serve` with few places, and the messages about clients that are not served. */
import { once } from 'node:events';
import { connect, type NetConnectOpts } from 'node:net';
import { describePeers, runPeer } from '@nbdjs/peers';
import { encodeClientFlags, encodeOptionRequest, Option, writeRequest } from '@nbdjs/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { nbdWith, type Outcome } from './harness.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

const greetingBytes = 18;
const leave = encodeOptionRequest({ option: Option.Abort });
const wayIn = Buffer.concat([
  encodeClientFlags(3),
  encodeOptionRequest({ option: Option.Go, exportName: '', infoTypes: [] }),
]);

/** A request of simple mode. */
function request(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(28);
  writeRequest(new DataView(bytes.buffer), 0, 0, type, 0, 1, 0, 0, length);
  return bytes;
}

/** Sends everything at once, and returns the number of bytes that came until the server ended the connection. */
async function visit(where: NetConnectOpts, ...words: readonly Uint8Array[]): Promise<number> {
  const socket = connect(where);
  socket.on('error', () => {});
  let byteCount = 0;
  socket.on('data', (bytes) => {
    byteCount += bytes.length;
  });
  socket.write(Buffer.concat(words));
  await once(socket, 'close');
  return byteCount;
}

const servers: (() => Promise<Outcome>)[] = [];
afterEach(async () => {
  for (const end of servers.splice(0)) await end();
});

/** Serves over TCP; gives the port. */
async function serveTcp(...argv: readonly string[]): Promise<number> {
  const abort = new AbortController();
  let uri = '';
  const hear = (text: string): void => {
    uri += text;
  };
  const running = nbdWith({ signal: abort.signal, hear }, 'serve', '-p', '0', '--print-uri', ...argv);
  servers.push(() => {
    abort.abort(new Error('the test is over'));
    return running;
  });
  await expect.poll(() => uri).toMatch(/:\d+\D/);
  return Number(/:(\d+)\D/.exec(uri)?.[1]);
}

describePeers('nbd serve with few places, to libnbd', ['nbdinfo', 'nbdcopy'], (generation) => {
  inWorkspace(generation);

  it.each(['1', '2', '3', '4'])('B5, D6: nbdcopy with 4 connections gets through with -e %s', async (shared) => {
    const uri = (await serve('-e', shared, 'memory:4M'))();
    const { code } = await runPeer('nbdinfo', generation, ['--can', 'multi-conn', uri]);
    expect(code).toBe(shared === '4' ? 0 : 2);
    await peer('nbdcopy', '-C', '4', '-T', '4', uri, 'null:');
  });

  it('D6: a program that opens more connections than there are places gets an error', async () => {
    const uri = (await serve('-e', '4', '--wait-limit', '1', 'memory:4M'))();
    const { code, stderr } = await runPeer('nbdcopy', generation, ['-C', '8', '-T', '8', uri, 'null:']);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/policy|server replied with error/),
    });
    expect((await endLast())?.stderr).not.toContain('Error');
  });

  it('asks and lists while all places are taken', async () => {
    const uri = (await serve('-e', '1', 'memory:4M'))();
    const socket = connect({ path: workspace.socketPath('s0') });
    socket.write(wayIn);
    await once(socket, 'data');
    expect(await peer('nbdinfo', '--list', '--no-content', uri)).toContain('export-size: 4194304');
    socket.destroy();
  });

  it('F32: lists over TCP for longer than the limit of the handshake, because it goes on', {
    timeout: 30_000,
  }, async () => {
    // libnbd keeps each question for 200 ms.
    const names = Array.from({ length: 10 }, (_, index) => `e${index}`);
    const port = await serveTcp('--handshake-limit', '1', ...names.map((name) => `${name}=memory:1M`));
    const { stdout, code } = await runPeer('nbdinfo', generation, ['--list', `nbd://127.0.0.1:${port}`]);
    expect({ code, count: stdout.toString().match(/^export="e\d+"/gm)?.length }).toEqual({ code: 0, count: 10 });
  });
});

describe('nbd serve, to a crowd', () => {
  inWorkspace('bookworm');

  it('B4: serves 300 clients at once over TCP and Unix sockets, four at a time', { timeout: 60_000 }, async () => {
    await serve('-e', '4', 'memory:1M');
    const port = await serveTcp('-e', '4', 'memory:1M');
    const read = [wayIn, request(0, 4096), request(2, 0)];
    for (const where of [{ port, host: '127.0.0.1' }, { path: workspace.socketPath('s0') }]) {
      const counts = await Promise.all(Array.from({ length: 300 }, () => visit(where, ...read)));
      expect(counts.filter((count) => count > greetingBytes + 4096)).toHaveLength(300);
    }
  });

  it('P4: answers every client that connects over loopback, without a limit of the rate', {
    timeout: 60_000,
  }, async () => {
    const port = await serveTcp('memory:1M');
    const ask = [encodeClientFlags(3), encodeOptionRequest({ option: Option.List }), leave];
    let answered = 0;
    const visitors = Array.from({ length: 30 }, async () => {
      for (let count = 0; count < 70; count++) {
        if ((await visit({ port, host: '127.0.0.1' }, ...ask)) > greetingBytes + 40) answered++;
      }
    });
    await Promise.all(visitors);
    expect(answered).toBe(2100);
  });
});

describe('nbd serve --verbose', () => {
  const told = async (visitCount: number, ...argv: readonly string[]): Promise<string> => {
    const port = await serveTcp(...argv, 'memory:1M');
    for (let count = 0; count < visitCount; count++)
      await visit({ port, host: '127.0.0.1' }, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    return (await servers.pop()?.())?.stderr ?? '';
  };

  it.each([
    [['--deny', '127.0.0.1'], 'turned away: is among those of --deny'],
    [['--allow', '192.0.2.1'], 'turned away: is not among those of --allow'],
    [['--max-connects-per-second', '1'], 'turned away: its address comes too often (--max-connects-per-second)'],
    [[], 'client set the unknown handshake flags 0x47455420: it looks like an HTTP client'],
  ])('B13, F30: with %j reports every client that is refused', async (words, text) => {
    const lines = (await told(5, '--verbose', ...words)).split('\n');
    expect(
      lines.filter((line) => line.startsWith('nbd: client 127.0.0.1:') && line.includes(text)).length,
    ).toBeGreaterThanOrEqual(words[0] === '--max-connects-per-second' ? 2 : 5);
  });

  it('F30: without it, the first client of each address that a list refuses is reported, and a port scan is not', async () => {
    expect((await told(5, '--deny', '127.0.0.1')).match(/turned away/g)).toHaveLength(1);
    expect(await told(5)).toBe('');
  });

  it('B12, B13: a client that loses its session is reported, with or without it', async () => {
    const port = await serveTcp('--stall-timeout', '1', 'memory:1M');
    const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
    socket.write(Buffer.concat([wayIn, request(0, 4096).subarray(0, 10)]));
    socket.resume();
    await once(socket, 'close');
    expect((await servers.pop()?.())?.stderr).toMatch(
      /^nbd: client 127\.0\.0\.1:\d+: the client has sent a part of a request, and nothing more for 1000 ms$/m,
    );
  });
});
