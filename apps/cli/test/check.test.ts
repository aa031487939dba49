/** `nbd check`: what is printed, and the exit codes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { OptionServer } from '@nbdjs/testkit';
import { listen } from '@nbdjs/transport';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nbd } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'check-'));
const path = join(folder, 'socket');
const uri = `nbd+unix:///disk?socket=${path}`;
const device = createMemoryDevice({ size: 2 ** 20 });
let serving: { close(): Promise<void> };

beforeAll(async () => {
  serving = await serve({ type: 'unix', path }, { listen, exports: { disk: device } });
});

afterAll(async () => {
  await serving.close();
  rmSync(folder, { recursive: true });
});

describe('nbd check', () => {
  it('prints a line for each group, and that no MUST is broken', async () => {
    const { code, stdout, stderr } = await nbd('check', uri);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^greeting: 5 kept, 1 not applicable\n/);
    expect(stdout).toMatch(/^writes: 42 not applicable$/m);
    expect(stdout).toContain('export "disk", 1M\n');
    expect(stdout).toMatch(
      /^No MUST is broken: 1\d\d kept, 0 broken, 0 discouraged, \d+ not applicable, 0 inconclusive\n$/m,
    );
  });

  it('prints the rule, what was seen and the bytes, and exits with 2 when a MUST is broken', async () => {
    await using server = await OptionServer.start({ answer: () => undefined });
    const junit = join(folder, 'report.xml');
    const only = ['--only', 'S7/info', '--only', 'greeting', '--junit', junit];
    const { code, stdout } = await nbd('check', ...only, server.uri());
    expect(code).toBe(2);
    expect(stdout).toContain(`  BROKEN S7/info
    sent:     INFO that asks for block sizes
    expected: NBD_INFO_EXPORT of 12 bytes, then ACK (MUST), section "Option reply types"
    seen:     INFO is not supported, and every server has to; it breaks G${7}
`);
    expect(stdout).toMatch(/^ {6}C: [0-9a-f ]*49484156 454f5054 00000006 /m);
    expect(stdout).toMatch(/^A MUST is broken: /m);
    expect(readFileSync(junit, 'utf8')).toContain('<failure type="MUST" message="INFO is not supported');
  });

  it('prints JSON with exact numbers', async () => {
    const { code, stdout } = await nbd('check', '--json', '--only', 'S42', uri);
    const report = JSON.parse(stdout) as Record<string, unknown> & { findings: readonly Record<string, unknown>[] };
    expect(code).toBe(0);
    expect(report).toMatchObject({
      version: 1,
      export: 'disk',
      tls: 'none',
      usedTls: false,
      contexts: ['base:allocation'],
    });
    expect(report.counts).toEqual({ kept: 6, broken: 0, discouraged: 0, inconclusive: 0, notApplicable: 0 });
    expect(report.findings[0]).toMatchObject({ rule: 'S42/whole', level: 'MUST', mode: 'simple', verdict: 'kept' });
  });

  it('changes the export only when it is told to, and asks before', async () => {
    const bytes = new Uint8Array(2 ** 20).fill(5);
    await device.write(0, bytes);
    const read = async () => {
      const target = new Uint8Array(2 ** 20);
      await device.read(0, target);
      return Buffer.compare(target, bytes) === 0;
    };
    await nbd('check', '--risky', uri);
    expect(await read()).toBe(true);
    const refused = await nbd('check', '--destructive', '--only', 'S48', uri);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/will be lost.*no terminal to ask at: -y/),
    ]);
    expect(await read()).toBe(true);
    const { code, stdout } = await nbd('check', '--destructive', '-y', '--only', 'S48', uri);
    expect([code, await read()]).toEqual([0, false]);
    expect(stdout).toMatch(/^writes: 6 kept$/m);
  });

  it('lists the rules', async () => {
    const { stdout } = await nbd('check', '--list');
    expect(stdout).toContain('  S3/unknown-option (MUST)\n    sent:     an option that is not defined');
    expect(stdout).toContain('  S60/trim (MUST, with --destructive)\n');
    const rules = JSON.parse((await nbd('check', '--list', '--json')).stdout) as readonly unknown[];
    expect(rules.length).toBeGreaterThan(140);
  });

  it('says what is missing or wrong, and exits with 1', async () => {
    expect(await nbd('check')).toMatchObject({ code: 1, stderr: expect.stringContaining('a server is missing') });
    const rule = await nbd('check', '--only', 'S999', uri);
    expect(rule).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no rule 'S999'") });
    const nobody = await nbd('check', `nbd+unix:///?socket=${path}-`);
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no such socket') });
    const other = await nbd('check', '--only', 'reads', `nbd+unix:///other?socket=${path}`);
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot be opened: GO is refused: ERR_UNKNOWN'),
    });
  });
});

describe('nbd check --client', () => {
  const nbdinfo = fileURLToPath(new URL('./odd-client.cjs', import.meta.url));
  const client = (...options: string[]) =>
    nbd('check', '--client', ...options, '--', process.execPath, nbdinfo, '{uri}');

  it('runs a command against each scenario, and tells what the client sends against the rules', async () => {
    const { code, stdout } = await client('--only', 'C1');
    expect(code).toBe(2);
    expect(stdout).toContain('kept C1/plain: the client reports success\n');
    expect(stdout).toMatch(/^BROKEN C43 \(MUST\): READ: bytes 1048000 to 1049024 of an export of 1048576$/m);
    expect(stdout).toMatch(/^ {2}first seen in C1\/plain$/m);
    expect(stdout).toMatch(/^A MUST is broken: 1 kept, 0 broken, 0 discouraged, 0 inconclusive$/m);
  });

  it('tells a client that hangs from one that fails, as JSON', async () => {
    const { stdout } = await client('--only', 'C17', '--only', 'C18/closed-at-go', '--json', '--timeout', '1');
    const { scenarios } = JSON.parse(stdout) as { scenarios: readonly { scenario: string; outcome: string }[] };
    expect(scenarios.map(({ scenario, outcome }) => [scenario, outcome])).toEqual([
      ['C17/shutdown', 'hang'],
      ['C18/closed-at-go', 'error'],
    ]);
  });

  it('says what is wrong with the command', async () => {
    expect(await nbd('check', '--client')).toMatchObject({ code: 1, stderr: expect.stringContaining('is missing') });
    const nameless = await nbd('check', '--client', '--', 'true');
    expect(nameless).toMatchObject({ code: 1, stderr: expect.stringContaining('{uri}') });
    const unknown = await nbd('check', '--client', '--', '/no/such/program', '{uri}');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no such program') });
  });
});
