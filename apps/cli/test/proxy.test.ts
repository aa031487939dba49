/** `nbd proxy`, `trace` and `replay` from the command line. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nbd, nbdWith, type Outcome } from './harness.ts';

let folder: string;
let ends: (() => Promise<Outcome>)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-proxy-'));
  ends = [];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  rmSync(folder, { recursive: true });
});

/** Runs a command that listens until it is ended; returns what ends it. */
async function start(name: string, ...argv: readonly string[]): Promise<() => Promise<Outcome>> {
  const abort = new AbortController();
  const socket = join(folder, name);
  const running = nbdWith({ signal: abort.signal }, ...argv, '--socket', socket);
  const end = async (): Promise<Outcome> => {
    abort.abort(new Error('the test is over'));
    return await running;
  };
  ends.push(end);
  await Promise.race([running, expect.poll(() => existsSync(socket), { timeout: 4000 }).toBe(true)]);
  return end;
}

const uri = (name: string): string => `nbd+unix:///?socket=${join(folder, name)}`;

async function serveDisk(name = 's', byte = 7): Promise<void> {
  const path = join(folder, `${name}.img`);
  writeFileSync(path, Buffer.alloc(100_000, byte));
  await start(name, 'serve', path);
}

async function work(socket: string): Promise<void> {
  const client = await connect(uri(socket), { delivery: 'inline' });
  await client.readBytes(0, 5000);
  await client.readBytes(90_000, 1000).catch(() => {});
  await client.close();
}

it('prints messages, records them, reads them back and replays them', async () => {
  await serveDisk();
  const file = join(folder, 'a.nbdrec');
  const printing = await start('p1', 'proxy', uri('s'));
  const recording = await start(
    'p2',
    'proxy',
    uri('p1'),
    '--record',
    file,
    '--fault',
    'read offset 90000..: error EIO',
  );
  await work('p2');
  expect(await recording()).toMatchObject({ code: 0, stdout: '' });
  const printed = await printing();
  expect(printed).toMatchObject({ code: 0, stderr: `nbd: serving ${uri('p1')}\n` });
  expect(printed.stdout).toMatch(/^ *0\.\d{6} #1 > READ cookie=\d+ offset=0 length=5000$/m);
  expect(printed.stdout).not.toContain('offset=90000');

  const traced = await nbd('trace', file);
  expect(traced).toMatchObject({ code: 0, stderr: '' });
  expect(traced.stdout).toMatch(/#1 ! error EIO \(read offset 90000\.\.: error EIO\)$/m);
  expect(traced.stdout).toMatch(/#1 > READ cookie=\d+ offset=90000 length=1000$/m);
  const requests = await nbd('trace', file, '--requests', '--command', 'read');
  expect(requests.stdout).toMatch(/^ *0\.\d{6} #1 READ offset=0 length=5000 \d+ us ok\n$/);
  const figures = JSON.parse((await nbd('trace', file, '--stats', '--json')).stdout);
  expect(figures.commands).toMatchObject([{ command: 'READ', requests: 1, errors: 0, bytes: 5000 }]);
  for (const line of (await nbd('trace', file, '--json')).stdout.trim().split('\n')) JSON.parse(line);

  expect(await nbd('replay', file, uri('s'))).toEqual({
    code: 0,
    stderr: '',
    stdout: '2 requests sent, 1 answers compared, 0 different\n1 requests have no complete answer in the recording\n',
  });
  await serveDisk('other', 8);
  const different = await nbd('replay', file, uri('other'));
  expect(different.code).toBe(2);
  expect(different.stdout).toMatch(/#1 READ offset=0 length=5000: the SHA-256 of 5000 bytes is [0-9a-f]{64}, expected/);
});

it('says what is wrong', async () => {
  const file = join(folder, 'none');
  writeFileSync(file, 'hello, world');
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['trace', file], 'not a recording of NBD: it begins with 0x68656c6c6f2c2077'],
    [['trace', `${file}-missing`], 'no such file'],
    [['trace', file, '--stats', '--requests'], '--requests and --stats exclude each other'],
    [['trace', file, '--command', 'reed'], "there is no command 'reed', expected one of READ"],
    [['trace', file, '--offset', '5'], "--offset: '5' is not a range such as 0..1M"],
    [['proxy', 'disk.img'], "'disk.img' is not a server"],
    [['proxy', uri('s'), '--record-max', '1M'], '--record-max needs --record'],
    [['proxy', uri('s'), '--fault', 'raed: drop'], "the fault rule 'raed: drop': 'raed' is not known"],
    [['proxy', uri('s'), '--record', join(folder, 'no', 'file'), '-k', join(folder, 'x')], 'no such file or directory'],
    [['replay', file, uri('s'), '--speed', '0'], "--speed: '0' is not a number above 0"],
  ];
  for (const [argv, message] of cases) {
    const { code, stderr } = await nbd(...argv);
    expect({ argv, code, stderr }).toEqual({ argv, code: 1, stderr: expect.stringContaining(message) });
  }
});

it('a server that is not there costs a client its connection, and the proxy goes on', async () => {
  const end = await start('p', 'proxy', uri('s'), '--json');
  await expect(connect(uri('p'), { delivery: 'inline' })).rejects.toThrow();
  await serveDisk();
  await work('p');
  const { code, stdout, stderr } = await end();
  expect(code).toBe(0);
  expect(stderr).toMatch(/^nbd: .*s: .*(no such|cannot|refused|not).*$/im);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; connection: number });
  expect(lines.filter(({ type }) => type === 'close').map(({ connection }) => connection)).toEqual([1, 2]);
});

it('reads a recording that was cut as far as it goes', async () => {
  await serveDisk();
  const file = join(folder, 'a.nbdrec');
  const recording = await start('p', 'proxy', uri('s'), '--record', file);
  await work('p');
  await recording();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.subarray(0, bytes.length - 30));
  const { code, stdout, stderr } = await nbd('trace', file);
  expect(code).toBe(0);
  expect(stdout).toContain('> READ');
  expect(stderr).toMatch(
    /^nbd: .*a\.nbdrec: it ends in the middle of a record, after \d+ bytes; the rest is missing\n$/,
  );
});
