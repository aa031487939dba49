/** `nbd serve` as a proxy, whose server is killed and replaced under clients that write and flush. */
import { existsSync, readFileSync } from 'node:fs';
import { connect, type NbdClient } from '@nbdjs/client';
import { ForgetfulServer } from '@nbdjs/forgetful-server';
import { systemClock } from '@nbdjs/node';
import {
  commandLine,
  describePeers,
  type Generation,
  makeQcow2,
  makeRawImage,
  sha256OfFile,
  startNbdkit,
  startQemuNbd,
} from '@nbdjs/peers';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice, createRetryLayer } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { listen } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import { nbd, nbdWith, type Outcome } from './harness.ts';
import { Restarting } from './restarting.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

/** `NBDJS_LONG=1` makes this test long: some minutes. */
const killsMax = process.env.NBDJS_LONG === '1' ? 50 : 3;
const laneBytes = 64 * 1024;
const laneCount = 3;
const sizeBytes = laneCount * laneBytes;

/** A request that takes longer than this hangs, and one that fails for this long will never succeed. */
const insistMs = 20_000;

/** The error for a request that hangs. */
class HangError extends Error {}

/** Waits for `work`, but not for ever: the error names what hangs. */
async function settled<Value>(work: Promise<Value>, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HangError(`${what}: not settled after ${insistMs} ms`)), insistMs);
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** What was served first, for clients in this process. */
const proxyUri = (): string => `nbd+unix:///?socket=${workspace.socketPath('s0')}`;
const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** The result of a run with a proxy whose server was killed. */
interface Tally {
  /** Flushes that have succeeded, and those that have not. */
  flushed: number;
  refused: number;
  /** Bytes that differ from what was acknowledged, after flushes that have succeeded. */
  wrongBytes: number;
  /** Flushes that were begun. */
  begun: number;
}

interface Upstream {
  /** Goes up when it is killed. */
  readonly kills: number;
  /** The durable content, where the test can read it. */
  readonly durable?: Uint8Array | undefined;
  /** Whether what was flushed outlives it. */
  readonly keeps: boolean;
}

/**
 * One client that writes to its own part of the export, and flushes from time to time; failed requests are repeated, as a database would.
 * After each flush that has succeeded, the writes before it are compared with the content of the export.
 */
async function work(
  uri: string,
  index: number,
  upstream: Upstream,
  tally: Tally,
  isOver: () => boolean,
): Promise<void> {
  const random = seededRandom(index + 1);
  const base = index * laneBytes;
  const model = new Uint8Array(laneBytes);
  /** Written since the last flush that has succeeded. */
  let pending: (readonly [position: number, length: number, begun: number])[] = [];
  await using disk: NbdClient = await connect(uri, { delivery: 'inline' });
  const insist = async (step: () => Promise<void>): Promise<void> => {
    for (const deadline = performance.now() + insistMs; ; ) {
      try {
        return await settled(step(), `lane ${index}: ${step}`);
      } catch (error) {
        if (error instanceof HangError || performance.now() > deadline) throw error;
        await pause(2);
      }
    }
  };
  const wrong = (seen: Uint8Array): number =>
    pending.reduce((sum, [position, length]) => {
      const [one, other] = [seen.subarray(position, position + length), model.subarray(position, position + length)];
      return same(one, other) ? sum : sum + length;
    }, 0);
  while (!isOver()) {
    const position = Math.floor(random() * (laneBytes - 5000));
    const length = 1 + Math.floor(random() * 5000);
    if (random() < 0.9) {
      const source = new Uint8Array(length).fill(1 + Math.floor(random() * 255));
      const isZero = random() < 0.2;
      const { begun } = tally;
      await insist(() => (isZero ? disk.writeZeroes(base + position, length) : disk.write(base + position, source)));
      if (isZero) model.fill(0, position, position + length);
      else model.set(source, position);
      pending.push([position, length, begun]);
      continue;
    }
    const { kills } = upstream;
    // On a server that keeps only flushed writes, the flush of another client has kept what was written before it.
    if (!upstream.keeps) pending = pending.filter(([, , begun]) => begun === tally.begun);
    tally.begun++;
    try {
      await settled(disk.flush(), `lane ${index}: flush`);
    } catch (error) {
      if (error instanceof HangError) throw error;
      tally.refused++;
      for (const [from, count] of pending) {
        await insist(() => disk.write(base + from, model.subarray(from, from + count)));
      }
      await pause(2);
      continue;
    }
    tally.flushed++;
    if (upstream.durable !== undefined) {
      tally.wrongBytes += wrong(upstream.durable.subarray(base, base + laneBytes));
    } else {
      const seen = new Uint8Array(laneBytes);
      await insist(() => disk.read(base, seen));
      // A server that keeps nothing may have been killed just behind the flush.
      if (upstream.keeps || upstream.kills === kills) tally.wrongBytes += wrong(seen);
    }
    pending = [];
    await pause(1);
  }
}

/** Lets several clients work while `kill` is called again and again; returns the sum of their results. */
async function survive(uri: string, upstream: Upstream, kill: () => Promise<void>): Promise<Tally> {
  let isOver = false;
  const random = seededRandom(7);
  const tally: Tally = { flushed: 0, refused: 0, wrongBytes: 0, begun: 0 };
  const lanes = Array.from({ length: laneCount }, (_, index) => work(uri, index, upstream, tally, () => isOver));
  while (upstream.kills < killsMax) {
    await pause(random() * 100);
    await kill();
    // A server that is killed before any request was answered tests nothing.
    const { flushed } = tally;
    await expect.poll(() => tally.flushed, { timeout: 20_000 }).toBeGreaterThan(flushed);
  }
  isOver = true;
  await settled(Promise.all(lanes), 'the end of all lanes');
  return tally;
}

const timeout = 60_000 + 5000 * killsMax;

describe('D7: a proxy whose server forgets what is not flushed, and is killed again and again', () => {
  inWorkspace('bookworm');

  const forgetful = async () => {
    const server = await ForgetfulServer.start({ path: workspace.socketPath('upstream'), sizeBytes });
    const upstream: Upstream = {
      get kills() {
        return server.crashCount;
      },
      durable: server.durable,
      keeps: true,
    };
    return { server, upstream, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  };

  it('loses nothing, and no client notices', { timeout }, async () => {
    await using session = await forgetful();
    const { server, upstream } = session;
    await serve(server.uri);
    const tally = await survive(proxyUri(), upstream, async () => server.crash());
    expect(tally).toMatchObject({ refused: 0, wrongBytes: 0 });
    expect(tally.flushed).toBeGreaterThan(0);
    const outcome = await endLast();
    expect(outcome?.code).toBe(0);
    const lines = outcome?.stderr.split('\n') ?? [];
    expect(lines.filter((line) => line.includes('the connection is lost')).length).toBeGreaterThanOrEqual(killsMax - 1);
    expect(lines.filter((line) => line.includes('connected again')).length).toBeGreaterThanOrEqual(killsMax - 1);
  });

  it('without retries, no flush succeeds that should not', { timeout }, async () => {
    await using session = await forgetful();
    const { server, upstream } = session;
    await serve('--retries', '0', server.uri);
    const tally = await survive(proxyUri(), upstream, async () => {
      // There has to be something to lose.
      await expect.poll(() => server.hasUnflushed, { interval: 1 }).toBe(true);
      server.crash();
    });
    expect(tally.wrongBytes).toBe(0);
    expect(tally.flushed).toBeGreaterThan(0);
    const { stderr = '' } = (await endLast()) ?? {};
    expect(stderr).toContain('may be lost; the next flush of each client fails');
    // One line for each reason, even if many requests fail for it.
    const lines = stderr.split('\n');
    const again = lines.filter((line, index) => line === lines[index - 1] && line.includes('requests fail'));
    expect(again).toEqual([]);
  });

  it('without retries, each client gets an error for what is lost: the reader, and the first client to send a request', async () => {
    await using session = await forgetful();
    const { server } = session;
    await serve('--retries', '0', server.uri);
    await using one = await connect(proxyUri(), { delivery: 'inline' });
    await using other = await connect(proxyUri(), { delivery: 'inline' });
    await one.write(0, new Uint8Array(4096).fill(0x55));
    server.crash();
    // Another client meets the loss of the connection first, and gets an error for it.
    await expect
      .poll(() =>
        other.readBytes(0, 512).then(
          () => 'read',
          () => 'failed',
        ),
      )
      .toBe('read');
    await expect(one.flush()).rejects.toMatchObject({ code: 'EIO' });
    await one.flush();
    await expect(other.flush()).rejects.toMatchObject({ code: 'EIO' });
    await other.flush();
    await using late = await connect(proxyUri(), { delivery: 'inline' });
    await late.flush();
    const outcome = await endLast();
    expect(outcome?.stderr).toContain('4096 bytes at 0 may be lost; the next flush of each client fails');
  });
});

describePeers('D7: a proxy whose server is killed and replaced', ['qemu-nbd', 'nbdkit'], (generation: Generation) => {
  inWorkspace(generation);

  const kinds = ['nbdkit', 'qemu-nbd'] as const;

  it.each(kinds)('%s: nothing is lost that was not flushed, and nothing that it keeps', { timeout }, async (kind) => {
    makeRawImage(workspace.hostPath('disk.img'), sizeBytes, []);
    const [socket, image] = [workspace.peerPath('upstream'), workspace.peerPath('disk.img')];
    const command =
      kind === 'nbdkit'
        ? commandLine('nbdkit', generation, ['--foreground', '--unix', socket, 'memory', `${sizeBytes}`])
        : commandLine('qemu-nbd', generation, ['-k', socket, '-t', '-f', 'raw', image]);
    await using server = new Restarting(workspace.socketPath('upstream'), command);
    await server.start();
    await serve('--retries', '5', server.uri);
    const upstream = {
      get kills() {
        return server.kills;
      },
      keeps: kind === 'qemu-nbd',
    };
    const tally = await survive(proxyUri(), upstream, async () => {
      await server.kill();
      await server.start();
    });
    expect(tally).toMatchObject({ refused: 0, wrongBytes: 0 });
    expect(tally.flushed).toBeGreaterThan(0);
    expect((await endLast())?.code).toBe(0);
  });

  it('a command is not started again, and says so', async () => {
    const abort = new AbortController();
    const socket = workspace.socketPath('proxy');
    const words = commandLine('nbdkit', generation, ['--pidfile', workspace.peerPath('pid'), 'memory', '1M']);
    const running = nbdWith({ signal: abort.signal }, 'serve', '--socket', socket, '[', ...words, ']');
    await expect.poll(() => existsSync(socket), { timeout: 10_000 }).toBe(true);
    await using disk = await connect(`nbd+unix:///?socket=${socket}`, { delivery: 'inline' });
    await disk.write(0, new Uint8Array(512).fill(7));
    process.kill(Number(readFileSync(workspace.hostPath('pid'), 'utf8')), 'SIGKILL');
    const failing = async (): Promise<string> => {
      try {
        await disk.readBytes(0, 512);
        return 'read';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    await expect.poll(failing, { timeout: 10_000 }).toBe('EIO');
    await expect(disk.flush()).rejects.toMatchObject({ code: 'EIO' });
    await expect(disk.flush()).rejects.toMatchObject({ code: 'EIO' });
    abort.abort(new Error('the test is over'));
    const { stderr } = await running;
    expect(stderr).toContain('it is not started again, and every request fails from now on');
  });
});

describe('D3: a proxy that ends', () => {
  inWorkspace('bookworm');

  it('closes the connection to an idle server in order, although a client has stayed', async () => {
    await using server = await ForgetfulServer.start({ path: workspace.socketPath('upstream'), sizeBytes });
    await serve('--close-limit', '1', server.uri);
    await using disk = await connect(proxyUri(), { delivery: 'inline' });
    await disk.write(0, new Uint8Array(512));
    const { code, stderr } = (await endLast()) ?? {};
    expect(code).toBe(0);
    expect(stderr).toMatch(/^nbd: serving \S+\n$/);
  });

  it('does not wait for a server that does not answer', { timeout: 20_000 }, async () => {
    const memory = createMemoryDevice({ size: 65_536 });
    const never = new Promise<void>(() => {});
    const stuckDevice = Object.assign(createRetryLayer(memory, { clock: systemClock }), { read: () => never });
    const stuck = createServer({
      exports: { '': stuckDevice },
      limits: { closeMs: 100 },
    });
    const path = workspace.socketPath('stuck');
    const listener = await listen({ type: 'unix', path }, (channel) => void stuck.accept(channel));
    await serve('--close-limit', '1', `nbd+unix:///?socket=${path}`);
    const disk = await connect(proxyUri(), { delivery: 'inline' });
    const reading = disk.readBytes(0, 512).catch((error: unknown) => error);
    await pause(100);
    const outcome: Outcome | 'waits' | undefined = await Promise.race([
      endLast(),
      pause(10_000).then(() => 'waits' as const),
    ]);
    expect(outcome).toMatchObject({ code: 0 });
    expect(await reading).toBeInstanceOf(Error);
    disk.destroy();
    await listener.close();
    await stuck.close();
  });
});

describePeers('a proxy offers what its server has', ['qemu-nbd', 'nbdinfo', 'qemu-img'], (generation) => {
  inWorkspace(generation);

  it('D8: bitmaps and depths, with the same maps', async () => {
    const written = [{ offset: 2 ** 20, length: 3 * 2 ** 20 }];
    await makeQcow2(workspace, 'disk.qcow2', { size: 16 * 2 ** 20, bitmaps: ['b'], written });
    await using server = await startQemuNbd(workspace, {
      image: 'disk.qcow2',
      format: 'qcow2',
      allocationDepth: true,
      bitmaps: ['b'],
    });
    const uri = (await serve(server.uri()))();
    for (const context of ['base:allocation', 'qemu:allocation-depth', 'qemu:dirty-bitmap:b']) {
      const map = (from: string) => peer('nbdinfo', `--map=${context}`, from);
      expect(await map(uri)).toBe(await map(server.peerUri()));
    }
  });
});

describePeers('a proxy in front of blocks', ['nbdkit', 'qemu-nbd', 'qemu-img'], (generation) => {
  inWorkspace(generation);

  it('A7: whose size is no multiple of theirs has all bytes, both ways', async () => {
    const bytes = 2 ** 20 + 1000;
    await using server = await startNbdkit(workspace, [
      '--filter=blocksize-policy',
      'memory',
      `${bytes}`,
      'blocksize-minimum=4096',
    ]);
    await serve(server.uri());
    const [source, copy] = [workspace.hostPath('source.img'), workspace.hostPath('copy.img')];
    makeRawImage(source, bytes, [{ offset: 1000, length: bytes - 1000 }]);
    expect(await nbd('copy', '--flush', source, proxyUri())).toMatchObject({ code: 0, stderr: '' });
    expect(await nbd('copy', proxyUri(), copy)).toMatchObject({ code: 0, stderr: '' });
    expect(await sha256OfFile(copy)).toBe(await sha256OfFile(source));
    const map = await nbd('info', '--map', proxyUri());
    expect(map).toMatchObject({ code: 0 });
  });

  it('A12: larger than the specification allows cause a warning, and whole ones are written', async () => {
    const image = workspace.peerPath('disk.qcow2');
    await peer('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'cluster_size=2M', image, '20M');
    const driver = `driver=compress,file.driver=qcow2,file.file.driver=file,file.file.filename=${image}`;
    const words = commandLine('qemu-nbd', generation, ['--image-opts', driver]);
    await serve('[', ...words, ']');
    await using disk = await connect(proxyUri(), { delivery: 'inline' });
    expect(disk.geometry.minimumBlockSize).toBe(65_536);
    await disk.write(3 * 2 ** 20, new Uint8Array(2 ** 20).fill(7));
    await disk.flush();
    expect((await disk.readBytes(3 * 2 ** 20 - 1, 3)).join()).toBe('0,7,7');
    expect((await endLast())?.stderr).toContain('the server requires blocks of 2097152 bytes');
  });
});
