/** `nbd bench` on real servers. */
import { PassThrough } from 'node:stream';
import { describePeers, makeRawImage, startNbdkit, startQemuNbd } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd, nbdWith } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;
const quick = ['--warm-up', '0', '--no-picture'] as const;

describePeers('nbd bench', ['qemu-nbd', 'qemu-img', 'nbdkit'], (generation) => {
  inWorkspace(generation);

  const serveMemory = (...more: string[]) => startNbdkit(workspace, ['memory', '16M', ...more]);

  it('reads, prints its figures and changes nothing', async () => {
    await using server = await serveMemory();
    const { code, stdout, stderr } = await nbd('bench', '-c', '2000', '--warm-up', '0', server.uri());
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('random, reads of 4.00 KiB, 32 in flight, 1 connection\n');
    expect(stdout).toMatch(/^2 000 requests in \d+\.\d s\n {7,}per second +data +mean/m);
    expect(stdout).toMatch(/^reads +[\d ]+ {2}[\d.]+ [KMG]iB\/s {2}[\d.]+ [µm]s/m);
    expect(stdout).toMatch(/^ *<= .*#+ +[\d ]+ {2}p50/m);
    expect((await nbd('zero', '--check', server.uri())).code).toBe(0);
  });

  it('asks before it overwrites, and takes no for an answer', async () => {
    await using server = await serveMemory();
    const refused = await nbdWith({ stdin: new PassThrough() }, 'bench', '-w', '-c', '10', server.uri());
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('refusing to overwrite bytes 0 to 16777215 on nbd+unix://');
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    stdin.write('n\n');
    const answered = await nbdWith({ stdin }, 'bench', '-w', '-c', '10', '-o', '4k', '-n', '8k', server.uri());
    expect(answered).toMatchObject({ code: 1, stdout: '' });
    expect(answered.stderr).toMatch(/^Overwrite bytes 4096 to 12287 on .* \(y\/N\)\? /);
    expect(answered.stderr).toMatch(/nbd: nothing was changed\n$/);
    expect((await nbd('zero', '--check', server.uri())).code).toBe(0);
  });

  it('--verify: a disk of qemu-nbd keeps what is written', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 16 * mebi, []);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw' });
    const load = ['--read', '40%', '--trim', '5%', '--zero', '5%', '-s', '4k-32k', '--flush-every', '50'] as const;
    const result = await nbd('bench', ...quick, ...load, '-y', '--verify', '-c', '3000', '--json', server.uri());
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const { load: parameters, servers } = JSON.parse(result.stdout);
    expect(parameters).toMatchObject({ readShare: 0.4, requestSize: 4096, requestSizeMax: 32_768, connections: 1 });
    const [round] = servers[0].rounds;
    expect(round).toMatchObject({ end: 'requests', unfinished: 0, errors: [], total: { requests: 3000 } });
    expect(round.verifiedBytes).toBeGreaterThan(8 * mebi);
    expect(Object.keys(round.kinds)).toEqual(['read', 'write', 'trim', 'zero', 'flush']);
    expect(round.total.latency.percentilesUs['99']).toBeGreaterThan(0);
  });

  it('--verify: a server that forgets is found out, with place, expected and found bytes', async () => {
    await using server = await startNbdkit(workspace, ['null', '16M']);
    const result = await nbd('bench', ...quick, '-w', '-y', '--verify', '-c', '100', server.uri());
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/^wrong content at byte \d+: expected write \d+, found zeroes$/m);
    expect(result.stdout).toMatch(/^ {2}expected 6e 62 64 20 6c 6f 61 64 01 00 00 00/m);
    expect(result.stdout).toMatch(/^ {2}got {6}00 00 00 00 /m);
  });

  it('counts and names what fails', async () => {
    await using server = await serveMemory('--filter=error', 'error-pread=EIO', 'error-pread-rate=10%');
    const { code, stdout } = await nbd('bench', ...quick, '-c', '2000', server.uri());
    expect(code).toBe(1);
    const [, count] = /^(\d+) reads failed with EIO: READ of 4096 bytes at \d+ failed/m.exec(stdout) ?? [];
    expect(Number(count)).toBeGreaterThan(100);
    expect(Number(count)).toBeLessThan(320);
  });

  it('several servers take turns, and are compared', async () => {
    await using one = await serveMemory();
    await using other = await serveMemory('--filter=delay', 'delay-read=5ms');
    const load = ['-d', '4', '-c', '100', '--rounds', '2', '--json'] as const;
    const { code, stdout } = await nbd('bench', ...quick, ...load, one.uri(), other.uri());
    expect(code).toBe(0);
    const { servers } = JSON.parse(stdout);
    expect(servers.map(({ rounds }: { rounds: unknown[] }) => rounds.length)).toEqual([2, 2]);
    expect(servers[0].ratio).toBeUndefined();
    expect(servers[1].ratio.median).toBeLessThan(0.8);
    expect(servers[1].medians.p50Us).toBeGreaterThan(4900);
    const text = await nbd('bench', ...quick, '-d', '4', '-c', '50', '--rounds', '1', one.uri(), other.uri());
    expect(text.stdout).toMatch(/^medians +per second +data +p50 +p99 +ratio +of the rounds$/m);
  });

  it('ends at Ctrl-C with what was measured', async () => {
    await using server = await serveMemory('--filter=delay', 'delay-read=2ms');
    const interrupt = new AbortController();
    const running = nbdWith({ signal: interrupt.signal }, 'bench', ...quick, '-d', '2', server.uri());
    setTimeout(() => interrupt.abort(new Error('interrupted')), 600);
    const { code, stdout } = await running;
    expect(code).toBe(1);
    expect(stdout).toMatch(/ requests in 0\.\d s, stopped early\nr?/);
    expect(stdout).toMatch(/^reads +\d/m);
  });

  it.each([
    [['--verify'], '--verify: there is nothing to check without writes'],
    [['--read', '60%', '--zero', '50%'], '--read, --trim and --zero are more than 100% together'],
    [['--write', '--read', '5%'], '--write and --read contradict each other'],
    [['--progress=much'], "--progress: 'much' is not 'bar', 'json' or 'json:FD'"],
    [['--offset', '32M'], '--offset 33554432 lies behind the end at 16777216'],
    [['--bytes', '0'], 'nbd: --bytes is 0, expected a whole number'],
    [['--length', '512'], 'nbd: the range has 0 bytes, and a request 4096'],
  ])('%j is refused', async (words, message) => {
    await using server = await serveMemory();
    const result = await nbd('bench', ...words, server.uri());
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(message);
  });
});
