/** Copies that go on after their servers were restarted, that resume an interrupted copy, and that compare at the end. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import { systemClock } from '@nbdjs/node';
import {
  commandLine,
  describePeers,
  makeRawImage,
  type Program,
  sha256OfFile,
  spawnChild,
  startNbdkit,
  startQemuNbd,
} from '@nbdjs/peers';
import { createServer } from '@nbdjs/server';
import { createFaultLayer, createMemoryDevice, createRateLayer, openFileDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { listen } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import { nbd, nbdCommand, nbdWith } from './harness.ts';
import { Restarting } from './restarting.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 2 ** 20;
/** `NBDJS_LONG=1` makes this test long: some minutes. */
const isLong = process.env.NBDJS_LONG === '1';
const imageBytes = isLong ? 2048 * mebi : 256 * mebi;
const [killsMin, killsMax] = isLong ? [20, 60] : [2, 3];

type Kind = 'qemu-nbd' | 'nbdkit' | 'nbd serve';
type Pair = readonly [from: Kind, to: Kind];

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs a command line as a process, and collects its standard error. */
function runNbd(words: readonly string[], onLine: (line: string) => void = () => {}) {
  const { process: child, exited } = spawnChild(nbdCommand(...words), { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines: string[] = [];
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      lines.push(line);
      onLine(line);
    }
  })();
  return {
    exited: exited.then(async (exit) => {
      await reading;
      return exit;
    }),
    stderr: () => lines,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
  };
}

/** Servers of a file of the workspace. */
function serverOf(kind: Kind, image: string, name: string): Restarting {
  const socket = workspace.socketPath(name);
  const peer = (program: Program, ...args: string[]) => commandLine(program, workspace.generation, args);
  const [socketThere, imageThere] = [workspace.peerPath(name), workspace.peerPath(image)];
  const commands = {
    'qemu-nbd': () => peer('qemu-nbd', '-k', socketThere, '-t', '-e', '8', '-f', 'raw', imageThere),
    nbdkit: () => peer('nbdkit', '--foreground', '--unix', socketThere, 'file', imageThere),
    'nbd serve': () => nbdCommand('serve', '--socket', socket, workspace.hostPath(image)),
  };
  return new Restarting(socket, commands[kind]());
}

describePeers('nbd copy --retries', ['qemu-nbd', 'nbdkit'], (generation) => {
  inWorkspace(generation);

  // nbdkit 1.32 dies by itself when a busy client vanishes, and would not be started again.
  const pairs = {
    bookworm: [['qemu-nbd', 'nbd serve']],
    trixie: [
      ['nbdkit', 'qemu-nbd'],
      ['nbd serve', 'nbdkit'],
    ],
  } as const;
  it.each<Pair>([...pairs[generation]])(
    'from %s to %s, both killed again and again',
    async (from, to) => {
      makeRawImage(workspace.hostPath('source.img'), imageBytes, [
        { offset: 0, length: imageBytes / 2 },
        { offset: imageBytes / 2 + 12_345, length: imageBytes / 4 },
      ]);
      makeRawImage(workspace.hostPath('target.img'), imageBytes, [{ offset: imageBytes / 3, length: imageBytes / 2 }]);
      await using source = serverOf(from, 'source.img', 'source');
      await using target = serverOf(to, 'target.img', 'target');
      const servers = [source, target] as const;
      for (const server of servers) await server.start();
      const random = seededRandom(imageBytes + from.length);
      let restarting: Promise<void> | undefined;
      const restart = async (): Promise<void> => {
        const server = servers[Math.floor(random() * 2)] as Restarting;
        await pause(random() * 30);
        await server.kill();
        await pause(random() * 50);
        await server.start();
      };
      // Whenever the copy has come on, one of the two is killed.
      const { exited, stderr } = runNbd(
        [
          'copy',
          '--retries',
          '30',
          '--request-size',
          '32k',
          '--requests',
          '1',
          '--progress=json',
          source.uri,
          target.uri,
        ],
        () => {
          if (source.kills + target.kills >= killsMax) return;
          restarting ??= restart().finally(() => {
            restarting = undefined;
          });
        },
      );
      expect({ ...(await exited), problems: stderr().filter((line) => !line.startsWith('{')) }).toEqual({
        code: 0,
        signal: null,
        problems: [],
      });
      await restarting;
      expect(await sha256OfFile(workspace.hostPath('target.img'))).toBe(
        await sha256OfFile(workspace.hostPath('source.img')),
      );
      expect(source.kills + target.kills).toBeGreaterThanOrEqual(killsMin);
      console.log(`from ${from} to ${to}: ${source.kills} and ${target.kills} kills`);
    },
    isLong ? 900_000 : 90_000,
  );

  it('gives up when a server stays away, and says so', async () => {
    makeRawImage(workspace.hostPath('source.img'), 64 * mebi, [{ offset: 0, length: 64 * mebi }]);
    await using source = await startNbdkit(workspace, {
      plugin: 'file',
      filters: ['rate'],
      parameters: [workspace.peerPath('source.img'), 'rate=80M'],
    });
    let stopping: Promise<void> | undefined;
    const { exited, stderr } = runNbd(['copy', '--retries', '1', '--progress=json', source.uri(), 'null:'], () => {
      stopping ??= source.stop();
    });
    expect(await exited).toEqual({ code: 1, signal: null });
    await stopping;
    const problems = stderr().filter((line) => !line.startsWith('{'));
    expect(problems).toHaveLength(1);
    // Either is under way when the server goes.
    expect(problems[0]).toMatch(/^nbd: (reading the source at|asking the source about) \d+: /);
  });
});

describe('nbd copy --retries', () => {
  inWorkspace('bookworm');

  it('tries again after temporary errors of a disk, and after no others', async () => {
    const content = new Uint8Array(4 * mebi).fill(7);
    for (const [code, failures, outcome] of [
      ['EIO', 3, 0],
      ['EINVAL', 1, 1],
    ] as const) {
      const memory = createMemoryDevice({ size: content.length });
      await memory.write(0, content);
      let left = failures;
      const failing = createFaultLayer(memory, {
        fail: ({ command }) => (command === 'read' && left-- > 0 ? code : undefined),
      });
      await using server = createServer({ exports: { '': failing } });
      const path = workspace.socketPath(code);
      const listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
      const file = workspace.hostPath(`${code}.img`);
      const result = await nbd('copy', '--retries', '3', `nbd+unix:///?socket=${path}`, file);
      expect(result.code).toBe(outcome);
      if (outcome === 0) {
        expect(readFileSync(file).equals(content)).toBe(true);
        // Three calls failed at once; one line reports them.
        expect(result.stderr).toMatch(/^nbd: read at \d+: [^\n]*EIO[^\n]*; trying again\n$/);
      } else {
        expect(result.stderr).toMatch(/EINVAL/);
      }
      await listener.close();
    }
  });
});

describePeers('nbd copy --checkpoint', ['qemu-nbd'], (generation) => {
  inWorkspace(generation);
  const size = 32 * mebi;

  /** A source that gives 8 MiB a second; nbdkit 1.32 would not live on when its client is killed. */
  async function slowSource(): Promise<{ readonly uri: string } & AsyncDisposable> {
    makeRawImage(workspace.hostPath('source.img'), size, [{ offset: 0, length: size }]);
    const file = await openFileDevice(workspace.hostPath('source.img'), { readOnly: true });
    const slow = createRateLayer(file, { clock: systemClock, bytesPerSecond: 8 * mebi });
    const server = createServer({ exports: { '': slow } });
    const path = workspace.socketPath('slow');
    const listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
    return {
      uri: `nbd+unix:///?socket=${path}`,
      async [Symbol.asyncDispose]() {
        await listener.close();
        await server.destroy();
        await slow.close();
      },
    };
  }
  const position = (): number => {
    const record = JSON.parse(readFileSync(workspace.hostPath('checkpoint'), 'utf8')) as { position: string };
    return Number(record.position);
  };

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'goes on where a copy was ended by %s',
    async (signal) => {
      await using source = await slowSource();
      makeRawImage(workspace.hostPath('target.img'), size, [{ offset: 0, length: 1000 }]);
      await using target = await startQemuNbd(workspace, { image: 'target.img', format: 'raw' });
      const checkpoint = workspace.hostPath('checkpoint');
      const words = ['copy', '--checkpoint', checkpoint, '--queue-size', '1M', source.uri, target.uri()];
      const first = runNbd(words);
      // It takes 4 s, and the first checkpoint comes after two.
      await expect.poll(() => existsSync(checkpoint), { timeout: 30_000 }).toBe(true);
      const before = position();
      await pause(300);
      first.kill(signal);
      expect(await first.exited).toEqual(signal === 'SIGINT' ? { code: 130, signal: null } : { code: null, signal });
      const reached = position();
      if (signal === 'SIGINT') expect(reached).toBeGreaterThan(before);
      expect(reached).toBeGreaterThan(0);
      expect(reached).toBeLessThan(size);
      const second = runNbd([...words, '--verbose', '--progress=json']);
      const { code } = await second.exited;
      expect(code, second.stderr().join('\n')).toBe(0);
      const [going, doneBytes] = second
        .stderr()
        .flatMap((line) => /from byte (\d+)|"doneBytes": (\d+)/.exec(line) ?? [])
        .filter((text) => /^\d+$/.test(text ?? ''));
      expect(Number(going)).toBe(reached);
      expect(Number(doneBytes)).toBeGreaterThan(reached);
      expect(await sha256OfFile(workspace.hostPath('target.img'))).toBe(
        await sha256OfFile(workspace.hostPath('source.img')),
      );
      expect(existsSync(checkpoint)).toBe(false);
    },
    90_000,
  );
});

describe('nbd copy --checkpoint', () => {
  inWorkspace('bookworm');
  const size = 64 * mebi;
  const file = (name: string): string => workspace.hostPath(name);
  const copyAgain = () => nbd('copy', '--checkpoint', file('checkpoint'), file('source.img'), file('target.img'));

  /** Stops a copy in the middle, and tells how far it has come. */
  async function interrupt(): Promise<number> {
    for (const name of ['target.img', 'checkpoint']) rmSync(file(name), { force: true });
    makeRawImage(file('source.img'), size, [{ offset: 0, length: size }]);
    writeFileSync(file('target.img'), '');
    const abort = new AbortController();
    const words = ['copy', '--checkpoint', file('checkpoint'), '--request-size', '4k', '--requests', '1'];
    const copying = nbdWith({ signal: abort.signal }, ...words, file('source.img'), file('target.img'));
    await expect.poll(() => byteOf('target.img', size / 16), { interval: 1, timeout: 10_000 }).toBeGreaterThan(0);
    abort.abort(new Error('enough'));
    expect((await copying).code).toBe(1);
    const record = JSON.parse(readFileSync(file('checkpoint'), 'utf8')) as { position: string };
    return Number(record.position);
  }

  const byteOf = (name: string, position: number): number => {
    const fd = openSync(file(name), 'r');
    const byte = new Uint8Array(1);
    readSync(fd, byte, 0, 1, position);
    closeSync(fd);
    return byte[0] as number;
  };
  const change = (name: string, position: number): void => {
    const fd = openSync(file(name), 'r+');
    writeSync(fd, new Uint8Array([1, 2, 3, 4, 5]), 0, 5, position);
    closeSync(fd);
  };

  it('goes on from files, too', async () => {
    const position = await interrupt();
    expect(position).toBeGreaterThan(0);
    expect(position).toBeLessThan(size);
    expect(await copyAgain()).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(file('target.img')).equals(readFileSync(file('source.img')))).toBe(true);
    expect(existsSync(file('checkpoint'))).toBe(false);
  });

  it.each([
    ['the source was written to since then', () => change('source.img', 5)],
    [
      `the source had ${size} bytes, and has ${size + 4096}`,
      () => makeRawImage(file('source.img'), size + 4096, [{ offset: 0, length: 4096 }]),
    ],
    [
      'the destination is another file of the same name',
      () => {
        copyFileSync(file('target.img'), file('other.img'));
        renameSync(file('other.img'), file('target.img'));
      },
    ],
    ['source and destination differ at byte', (position: number) => change('target.img', position - 10)],
  ] as const)('cannot go on when %s, and leaves all as it is', async (why, spoil) => {
    spoil(await interrupt());
    const before = readFileSync(file('checkpoint'));
    const { code, stderr } = await copyAgain();
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot go on from the checkpoint ${file('checkpoint')}: ${why}`);
    expect(stderr).toMatch(/; remove it to copy from the start\n$/);
    expect(readFileSync(file('checkpoint')).equals(before)).toBe(true);
  });

  it('does not change a file that is no checkpoint', async () => {
    makeRawImage(file('source.img'), size, []);
    for (const text of ['', '{}', 'my diary', '[1, 2', '{"format": "nbdjs copy checkpoint 1", "position": -1}']) {
      writeFileSync(file('checkpoint'), text);
      const { code, stderr } = await copyAgain();
      expect(code).toBe(1);
      expect(stderr).toMatch(/checkpoint is not a checkpoint of a copy, and stays unchanged\n$/);
      expect(readFileSync(file('checkpoint'), 'utf8')).toBe(text);
      expect(existsSync(file('target.img'))).toBe(false);
    }
  });
});

describe('nbd copy --verify', () => {
  inWorkspace('bookworm');
  const size = 4 * mebi;

  /** Copies to a server that answers `true` to what it does not store. */
  async function copyTo(isLying: boolean) {
    makeRawImage(workspace.hostPath('source.img'), size, [{ offset: mebi, length: 2 * mebi }]);
    const memory = createMemoryDevice({ size });
    const lying = createFaultLayer(memory, { fail: () => undefined });
    if (isLying)
      lying.write = (offset, source) =>
        BigInt(offset) === 2n * BigInt(mebi) ? undefined : memory.write(offset, source);
    await using server = createServer({ exports: { '': lying } });
    const path = workspace.socketPath(isLying ? 'lying' : 'honest');
    const listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
    const result = await nbd('copy', '--verify', workspace.hostPath('source.img'), `nbd+unix:///?socket=${path}`);
    await listener.close();
    return result;
  }

  it('succeeds with a correct copy', async () => {
    expect(await copyTo(false)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('reports where a copy differs', async () => {
    const { code, stderr } = await copyTo(true);
    expect(code).toBe(1);
    expect(stderr).toBe(`nbd: verification failed: source and destination differ at byte ${2 * mebi}\n`);
  });

  it('shows how far comparing has come', async () => {
    makeRawImage(workspace.hostPath('source.img'), size, [{ offset: mebi, length: 2 * mebi }]);
    const files = ['source.img', 'target.img'].map((name) => workspace.hostPath(name));
    // Fast enough, it would be over before anything is shown.
    const { exited, stderr } = runNbd(['copy', '--verify', '--progress=json', '--rate=2M', ...files]);
    expect(await exited).toEqual({ code: 0, signal: null });
    const states = stderr().map((line) => (JSON.parse(line) as { state: string }).state);
    expect([...new Set(states)]).toEqual(['copying', 'verifying', 'done']);
    expect(JSON.parse(stderr().at(-1) ?? '')).toMatchObject({ doneBytes: size, totalBytes: size });
  });

  it.each([
    ['--verify', 'null:', "--verify: what has gone to 'null:' cannot be read again"],
    ['--checkpoint=x', 'null:', "--checkpoint: 'null:' keeps nothing to go on from"],
    ['--verify', '-', '--verify needs a source and a destination that are not streams'],
    ['--checkpoint=x', '-', '--checkpoint needs a source and a destination that are not streams'],
  ])('%s to %s is refused', async (option, destination, message) => {
    makeRawImage(workspace.hostPath('source.img'), size, []);
    const { code, stdout, stderr } = await nbd('copy', option, workspace.hostPath('source.img'), destination);
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: `nbd: ${message}\n` });
  });
});
