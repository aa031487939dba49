/** How `nbd info` goes about asking: by one connection at a time, without giving up on what can be known. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  commandLine,
  describePeers,
  makeRawImage,
  type PeerServer,
  runPeer,
  startNbdkit,
  startNbdServer,
  startQemuNbd,
} from '@nbdjs/peers';
import { encodeErrorReply, Option, OptionReply } from '@nbdjs/protocol';
import { OptionServer, told, withInfo } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { serve, inWorkspace as servingInWorkspace } from './serving.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;

/** What a second connection would wait for is 10 seconds away: the limit that servers and we have for handshakes. */
const promptMs = 5_000;

interface Shown {
  readonly 'export-name': string;
  readonly 'export-size'?: number;
  readonly 'export-size-str'?: string;
  readonly content?: string;
  readonly error?: string;
}

function exportsOf(json: string): readonly Shown[] {
  return (JSON.parse(json) as { exports: Shown[] }).exports;
}

/** file(1) describes the contents. */
const hasFile = spawnSync('file', ['--version']).status === 0;

/** Everything that is asked of a server that takes one client at a time, with the content where it is asked for. */
async function expectPrompt(uri: string, size: number): Promise<void> {
  for (const options of [[], ['--list'], ['--list', '--content'], ['--size'], ['--map'], ['--can', 'flush']]) {
    const start = performance.now();
    const { code, stdout, stderr } = await nbd('info', ...options, uri);
    expect({ options, code, stderr }).toEqual({ options, code: 0, stderr: '' });
    expect(performance.now() - start).toBeLessThan(promptMs);
    if (options[0] === '--list' || options.length === 0) expect(stdout).toContain(`\texport-size: ${size}`);
    if (hasFile && (options.length === 0 || options[1] === '--content')) expect(stdout).toContain('\tcontent: data\n');
  }
}

describePeers('A1, D5, F32c: one client at a time, qemu-nbd', ['qemu-nbd'], (generation) => {
  inWorkspace(generation);

  it.each([{ tcp: false }, { tcp: true }])('is asked by one connection after the other (%o)', async ({ tcp }) => {
    makeRawImage(workspace.hostPath('disk.img'), 3 * mebi, []);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', shared: 1, tcp });
    await expectPrompt(server.uri(), 3 * mebi);
    // It complains about connections that are given up.
    expect(server.stderr).toBe('');
  });
});

describePeers('A1: one client at a time, nbdkit', ['nbdkit'], (generation) => {
  inWorkspace(generation);

  it('is asked by one connection after the other', async () => {
    await using server = await startNbdkit(workspace, [
      'eval',
      'thread_model=echo serialize_connections',
      'get_size=echo 65536',
      'pread=dd if=/dev/zero count=$3 iflag=count_bytes',
      'can_flush=exit 0',
      'flush=exit 0',
    ]);
    await expectPrompt(server.uri(), 65_536);
  });

  it('an empty export is opened by the connection that there is', async () => {
    await using server = await startNbdkit(workspace, [
      'eval',
      'thread_model=echo serialize_connections',
      'get_size=echo 0',
      'pread=exit 1',
    ]);
    const start = performance.now();
    const { code, stdout } = await nbd('info', '--list', '--json', server.uri());
    expect(performance.now() - start).toBeLessThan(promptMs);
    expect({ code, exports: exportsOf(stdout) }).toMatchObject({ code: 0, exports: [{ 'export-size': 0 }] });
  });

  it('a program in brackets is started once', async () => {
    const mark = workspace.hostPath('starts');
    const command = commandLine('nbdkit', generation, [
      'eval',
      `get_ready=echo x >> ${workspace.peerPath('starts')}`,
      'get_size=echo 65536',
      'pread=dd if=/dev/zero count=$3 iflag=count_bytes',
    ]);
    writeFileSync(mark, '');
    const { code, stdout } = await nbd('info', '--list', '--content', '[', ...command, ']');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('content: data') });
    const starts = readFileSync(mark, 'utf8');
    expect(starts).toBe('x\n');
  });
});

describe('A1, D5: one client at a time, nbd serve', () => {
  servingInWorkspace('bookworm');

  it('is asked by one connection after the other', async () => {
    const uri = await serve('--shared', '1', 'memory:3M');
    await expectPrompt(uri(), 3 * mebi);
  });
});

describePeers('nbd info of nbd-server', ['nbd-server'], (generation) => {
  inWorkspace(generation);

  async function start(): Promise<PeerServer> {
    makeRawImage(workspace.hostPath('disk.img'), 65_536, []);
    writeFileSync(workspace.hostPath('nobody'), '192.0.2.1\n');
    return await startNbdServer(
      workspace,
      [
        { name: 'good', image: 'disk.img' },
        { name: 'gone', image: 'nope.img' },
        { name: 'denied', image: 'disk.img', lines: [`authfile = ${workspace.peerPath('nobody')}`] },
        { name: 'last', image: 'disk.img' },
      ],
      { tcp: true },
    );
  }

  it('A2: an export that cannot be opened is an error for each question', async () => {
    await using server = await start();
    for (const exportName of ['gone', 'denied']) {
      for (const options of [[], ['--json'], ['--no-content'], ['--size'], ['--can', 'write'], ['--map']]) {
        const { code, stdout, stderr } = await nbd('info', ...options, server.uri(exportName));
        expect({ exportName, options, code, stdout }).toEqual({ exportName, options, code: 1, stdout: '' });
        expect(stderr).toMatch(new RegExp(`^nbd: .*'${exportName}'.*\\n$`));
      }
    }
  });

  it('A2: in a list it has its place, with the reason', async () => {
    await using server = await start();
    for (const options of [['--list'], ['--list', '--content']]) {
      const json = await nbd('info', '--json', ...options, server.uri());
      expect(json.code).toBe(1);
      expect(exportsOf(json.stdout)).toMatchObject([
        { 'export-name': 'good', 'export-size': 65_536 },
        { 'export-name': 'gone', error: expect.stringContaining("'gone'") },
        { 'export-name': 'denied', error: expect.stringContaining("'denied'") },
        { 'export-name': 'last', 'export-size': 65_536 },
      ]);
      expect(exportsOf(json.stdout)[1]).not.toHaveProperty('export-size');
      const text = await nbd('info', ...options, server.uri());
      expect(text.code).toBe(1);
      expect(text.stdout.match(/^export=.*|^\terror: .*/gm)).toEqual([
        'export="good":',
        'export="gone":',
        expect.stringMatching(/^\terror: option GO for export 'gone' failed/),
        'export="denied":',
        expect.stringMatching(/^\terror: option GO for export 'denied' failed/),
        'export="last":',
      ]);
      expect(text.stderr.trim().split('\n')).toHaveLength(2);
    }
  });
});

const policy = (option: number): Uint8Array => encodeErrorReply(option, OptionReply.ErrPolicy, 'Access denied');

const nameIn = (payload: Buffer): string => payload.subarray(4, 4 + payload.readUInt32BE()).toString();

it('A3: one export that breaks the connection does not hide the others', async () => {
  await using server = await OptionServer.start({
    names: ['disk', 'two', 'three'],
    answer: withInfo((option, payload, { options }) => {
      // What it leaves unread of one option it takes for the next.
      if (options.filter((one) => one === Option.Info).length > 2) return 'hang up';
      return option === Option.Info && nameIn(payload) === 'two' ? policy(option) : undefined;
    }),
  });
  const { code, stdout, stderr } = await nbd('info', '--list', '--json', server.uri());
  expect(code).toBe(1);
  expect(exportsOf(stdout)).toMatchObject([
    { 'export-name': 'disk', 'export-size': mebi },
    { 'export-name': 'two', error: expect.stringMatching(/^option INFO .*server reported: Access denied$/) },
    { 'export-name': 'three', 'export-size': mebi },
  ]);
  expect(stderr).toMatch(/^nbd: .*'two'.*Access denied\n$/);
});

it('A3, A11: where there is no INFO, each export is opened, and its connection closed in order', async () => {
  await using server = await OptionServer.start({ names: ['disk', 'two', 'three'], answer: () => undefined });
  const { code, stdout, stderr } = await nbd('info', '--list', '--json', server.uri());
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(exportsOf(stdout).map((one) => [one['export-name'], one['export-size']])).toEqual([
    ['disk', mebi],
    ['two', mebi],
    ['three', mebi],
  ]);
  expect(server.conversations.map(({ disconnected }) => disconnected)).toEqual([true, true, true]);
});

it('A11: every session ends with DISC or ABORT', async () => {
  await using server = await OptionServer.start({ answer: () => undefined });
  for (const options of [['--size'], ['--can', 'flush'], ['--no-content'], ['--can', 'connect'], ['--uri'], []]) {
    expect((await nbd('info', ...options, server.uri())).code).toBe(0);
    await expect
      .poll(() => server.conversations.every((one) => one.disconnected || one.options.at(-1) === Option.Abort))
      .toBe(true);
  }
});

it('A3: a server that does not answer any more is not asked about every export', async () => {
  const names = Array.from({ length: 50 }, (_, index) => `e${index}`);
  await using server = await OptionServer.start({
    names,
    answer: (option) => (option === Option.List ? undefined : 'hang up'),
  });
  const { code, stdout } = await nbd('info', '--list', '--json', '--mode', 'simple', server.uri());
  expect(code).toBe(1);
  expect(exportsOf(stdout).map((one) => one['export-name'])).toEqual(names);
  expect(exportsOf(stdout).every((one) => one.error !== undefined)).toBe(true);
  expect(server.conversations.length).toBeLessThan(20);
});

it('A2: a size that could not be found out is shown as unknown', async () => {
  await using server = await OptionServer.start({
    answer: (option) => {
      if (option === Option.Go || option === Option.ExportName) return 'hang up';
      return option === Option.Info ? told(option, 0n) : undefined;
    },
  });
  const text = await nbd('info', server.uri());
  expect({ code: text.code, stdout: text.stdout }).toEqual({
    code: 1,
    stdout: expect.stringContaining('\texport-size: unknown\n'),
  });
  const [shown] = exportsOf((await nbd('info', '--json', server.uri())).stdout);
  expect(shown).toMatchObject({ 'export-size-str': 'unknown', error: expect.any(String) });
  expect(shown).not.toHaveProperty('export-size');
  expect(await nbd('info', '--size', server.uri())).toMatchObject({ code: 1, stdout: '' });
});

describePeers('D8.4: questions about the connection', ['nbdkit', 'nbdinfo'], (generation) => {
  inWorkspace(generation);

  it('need no export', async () => {
    await using server = await startNbdkit(workspace, [
      '--filter=exportname',
      'memory',
      '1M',
      'exportname=one',
      'exportname-strict=true',
    ]);
    const codes: readonly (readonly [code: number, ...options: string[]])[] = [
      [0, '--can', 'connect'],
      [0, '--can', 'read'],
      [2, '--is', 'tls'],
      [0, '--has', 'structured-reply'],
      [0, '--uri'],
      [1, '--can', 'write'],
      [1, '--size'],
    ];
    for (const [expected, ...options] of codes) {
      const { code } = await nbd('info', ...options, server.uri('none'));
      expect({ options, code }).toEqual({ options, code: expected });
      // Older ones want the export all the same.
      if (generation === 'bookworm') continue;
      const theirs = await runPeer('nbdinfo', generation, [...options, server.peerUri('none')]);
      expect({ options, code }).toEqual({ options, code: theirs.code });
    }
  });
});
