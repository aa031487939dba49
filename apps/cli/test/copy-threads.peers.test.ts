/** `nbd copy --threads`: what threads copy is what one thread copies, and what they cannot is refused in words. */
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import {
  allocatedBytes,
  describePeers,
  makeRawImage,
  type PeerServer,
  sha256OfFile,
  spawnChild,
  startNbdkit,
  startQemuNbd,
} from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { ThreadCount } from '../src/commands/copy/thread-count.ts';
import { nbd, nbdCommand } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 2 ** 20;
const size = 512 * mebi + 512;
const areas = Array.from({ length: 16 }, (_, index) => ({ offset: index * 32 * mebi + 777, length: mebi }));

/** A sparse image, the last block of which is short, with data in each part that a thread takes. */
function makeImage(name = 'disk.img'): string {
  const path = workspace.hostPath(name);
  makeRawImage(path, size, [...areas, { offset: size - 512, length: 512 }]);
  return path;
}

/** Data that comes so slowly that each thread gets some of it. */
function slowPattern(...filters: readonly string[]): Promise<PeerServer> {
  const parameters = ['size=320M', 'rate=700M', 'burstiness=0.1', `logfile=${workspace.peerPath('log')}`];
  const rest = filters.includes('error') ? ['error-pread=EIO', 'error-pread-rate=1%'] : [];
  return startNbdkit(workspace, {
    filters: ['log', 'rate', ...filters],
    plugin: 'pattern',
    parameters: [...parameters, ...rest],
  });
}

/** The connections that have read. */
function readers(): ReadonlySet<string | undefined> {
  const log = readFileSync(workspace.hostPath('log'), 'utf8');
  return new Set([...log.matchAll(/connection=(\d+) Read id/g)].map(([, number]) => number));
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describePeers('nbd copy --threads', ['nbdkit', 'qemu-nbd'], (generation) => {
  inWorkspace(generation);

  it.each([
    ['2', '2'],
    ['3', '6'],
  ])('%s copies a file to a server and back, with %s connections, as sparse as it is', async (threads, connections) => {
    const image = makeImage();
    truncateSync(workspace.hostPath(writeEmpty('target.img')), size);
    await using server = await startQemuNbd(workspace, { image: 'target.img', format: 'raw' });
    const words = ['copy', '--threads', threads, '--connections', connections];
    expect(await nbd(...words, '--flush', image, server.uri())).toMatchObject({ code: 0, stderr: '' });
    const back = workspace.hostPath('back.img');
    expect(await nbd(...words, '--verify', server.uri(), back)).toMatchObject({ code: 0, stderr: '' });
    truncateSync(back, size);
    expect(await sha256OfFile(back)).toBe(await sha256OfFile(image));
    expect(allocatedBytes(back)).toBeLessThanOrEqual(allocatedBytes(image) + 4 * mebi);
  });

  it('copies from server to server with a connection for each thread, and sums progress and connections', async () => {
    await using source = await slowPattern();
    await using target = await startNbdkit(workspace, ['memory', 'size=320M']);
    const words = ['copy', '--threads', '2', '--connections', '2', '--verbose', '--progress=json:2'];
    const before = openDescriptors();
    let runs = 0;
    // On a busy machine a thread may start so late that nothing is left to do.
    while (runs < 5 && readers().size <= runs) {
      runs++;
      const { code, stderr } = await nbd(...words, source.uri(), target.uri());
      expect(code).toBe(0);
      expect(openDescriptors()).toBeLessThanOrEqual(before);
      expect(stderr).toContain('threads=2');
      expect(stderr).toContain('nbd: source: connections=2');
      expect(stderr).toContain('nbd: destination: connections=2');
    }
    expect(readers().size).toBeGreaterThan(runs);
  });

  it('ends all threads after the first error, which is reported as by one thread', async () => {
    await using source = await slowPattern('error');
    const before = openDescriptors();
    const { code, stderr } = await nbd('copy', '--threads', '2', '--connections', '2', source.uri(), 'null:');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nbd: reading the source at \d+: .*EIO.*\n$/);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });

  it('ends at once when it is interrupted', async () => {
    await using source = await slowPattern();
    const target = workspace.hostPath('target.img');
    const words = nbdCommand('copy', '--threads', '3', '--progress=json', source.uri(), target);
    const { process: child, exited } = spawnChild(words, { stdio: ['ignore', 'ignore', 'pipe'] });
    let printed = '';
    child.stderr?.on('data', (part) => {
      printed += part;
    });
    while (!/"doneBytes": [1-9]/.test(printed)) await once(child.stderr as NodeJS.ReadableStream, 'data');
    child.kill('SIGINT');
    expect(await exited).toMatchObject({ code: 130 });
    const last = JSON.parse(printed.trim().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ state: 'failed', totalBytes: 320 * mebi });
    expect(last.doneBytes).toBeGreaterThan(0);
    expect(last.doneBytes).toBeLessThan(320 * mebi);
  });

  it('ends when a server goes away', async () => {
    const source = await slowPattern();
    const copying = nbd('copy', '--threads', '2', source.uri(), 'null:');
    setTimeout(() => source.kill('SIGKILL'), 700);
    const { code, stderr } = await copying;
    await source[Symbol.asyncDispose]();
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('refuses servers that do not allow several connections, and stays in one thread by itself', async () => {
    makeImage();
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', shared: 1 });
    const refused = await nbd('copy', '--threads', '2', server.uri(), workspace.hostPath('copy.img'));
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(`--threads 2: ${server.uri()}: the server does not allow several connections`);
    expect(readdirSync(workspace.hostPath('.'))).not.toContain('copy.img');
    const auto = await nbd('copy', '--threads', 'auto', '--verbose', server.uri(), 'null:');
    expect(auto).toMatchObject({ code: 0 });
    expect(auto.stderr).toContain('threads=1');
  });
});

/** Makes an empty file; returns its name. */
function writeEmpty(name: string): string {
  writeFileSync(workspace.hostPath(name), '');
  return name;
}

describe('nbd copy --threads', () => {
  inWorkspace('bookworm');

  it('copies from file to file, each thread with a descriptor of its own', async () => {
    const image = makeImage();
    const copy = workspace.hostPath('copy.img');
    const before = openDescriptors();
    expect(await nbd('copy', '--threads', '4', image, copy)).toMatchObject({ code: 0, stderr: '' });
    expect(openDescriptors()).toBeLessThanOrEqual(before);
    expect(statSync(copy).size).toBe(size);
    expect(await sha256OfFile(copy)).toBe(await sha256OfFile(image));
    expect(allocatedBytes(copy)).toBeLessThanOrEqual(allocatedBytes(image) + 4 * mebi);
  });

  it.each([
    [['--synchronous', 'a', 'b'], '--threads 2: --synchronous asks for one request at a time'],
    [['--checkpoint', 'c', 'a', 'b'], '--threads 2: --checkpoint needs a copy that goes from the beginning to the end'],
    [['-C', '1', 'a', 'b'], '--threads 2: each thread needs a connection, and --connections is 1'],
    [['-', 'b'], '--threads 2: -: a descriptor belongs to one thread'],
    [['/dev/fd/5', 'b'], '--threads 2: /dev/fd/5: a descriptor belongs to one thread'],
    [['a', '[', 'nbdkit', 'null', ']'], '--threads 2: [ nbdkit null ]: each thread would start a command of its own'],
  ])('refuses %j in words, before anything is opened', async (words, message) => {
    const { code, stderr } = await nbd('copy', '--threads', '2', ...words);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });

  it('refuses a value that is no number', async () => {
    expect((await nbd('copy', '--threads', 'many', 'a', 'b')).stderr).toContain("--threads: 'many' is not a number");
  });
});

describe('the number of threads', () => {
  const gibi = 2n ** 30n;
  const uri = { type: 'uri', uri: 'nbd://far' } as const;
  const file = { type: 'file', path: 'disk.img' } as const;
  const side = (bytes: bigint) =>
    ({ type: 'device', name: 'x', device: { geometry: { size: bytes }, abilities: { multiConn: true } } }) as never;
  const countOf = (
    processors: number,
    bytes = 2n * gibi,
    options = {},
    operands: readonly (typeof uri | typeof file)[] = [uri, file],
  ) => {
    const [source = uri, destination = uri] = operands;
    return new ThreadCount(options as never, source, destination).count(side(bytes), processors);
  };

  it('is one where threads do not pay: few processors, few bytes, or files only', () => {
    expect([1, 2].map((processors) => countOf(processors))).toEqual([1, 1]);
    expect(countOf(8, gibi)).toBe(1);
    expect(countOf(8, 2n * gibi, {}, [file, file])).toBe(1);
    expect(countOf(8, 2n * gibi, { synchronous: true })).toBe(1);
  });

  it('is one less than there are processors, at most 4, and no more than connections', () => {
    expect([3, 4, 5, 64].map((processors) => countOf(processors))).toEqual([2, 3, 4, 4]);
    expect(countOf(8, 2n * gibi, { connections: 2 })).toBe(2);
    expect(countOf(8, gibi, { threads: 6 })).toBe(6);
  });
});
