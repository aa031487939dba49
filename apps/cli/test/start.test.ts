/**
 * @module-tag slow
 * What the built program loads to start, counted and not timed, and what it keeps in the cache folder.
 */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtNbd as main } from '@nbdjs/peers/local';
import { beforeEach, describe, expect, it } from 'vitest';
import { inWorkspace, serve, workspace } from './serving.ts';

/** The same program without its launcher. */
const modulesMain = fileURLToPath(new URL('../dist/modules.js', import.meta.url));
const probe = fileURLToPath(new URL('start-probe.cjs', import.meta.url));

inWorkspace('bookworm');

let cache: string;

beforeEach(() => {
  cache = workspace.hostPath('cache');
  mkdirSync(cache, { mode: 0o700 });
});

interface Outcome {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of Node beside this process, which may serve it. */
function run(file: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const all = { ...process.env, XDG_CACHE_HOME: cache, NODE_DISABLE_COMPILE_CACHE: '', ...env };
    execFile(process.execPath, [file, ...argv], { env: all, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

/** The files and the modules of Node that a run loads. */
async function loadedBy(file: string, argv: readonly string[]) {
  const coverage = workspace.hostPath('coverage');
  const report = workspace.hostPath('report.json');
  const probed = { NODE_OPTIONS: `--require=${probe}`, NODE_V8_COVERAGE: coverage, NBDJS_START_REPORT: report };
  expect(await run(file, argv, probed)).toMatchObject({ code: 0, stderr: '' });
  const reports = readdirSync(coverage).map((name) => JSON.parse(readFileSync(join(coverage, name), 'utf8')));
  rmSync(coverage, { recursive: true });
  const urls: string[] = reports.flatMap(({ result }) => result.map(({ url }: { url: string }) => url));
  const files = urls.filter((url) => /^(file:|\/)/.test(url)).map((url) => basename(url));
  return {
    files: files.filter((name) => name !== basename(probe)),
    modules: JSON.parse(readFileSync(report, 'utf8')) as string[],
  };
}

/** Of Node's modules, those that an empty program does not load. */
async function loadedByNbd(...argv: string[]) {
  const empty = workspace.hostPath('empty.mjs');
  writeFileSync(empty, '');
  const { files, modules } = await loadedBy(main, argv);
  const usual = await loadedBy(empty, []);
  return { files, modules: modules.filter((name) => !usual.modules.includes(name)) };
}

/** What the launcher needs, commander (which loads child processes in any case), and output through a pipe. */
const modulesOfAll = [
  ...['child_process', 'dgram', 'diagnostics_channel', 'module', 'net', 'process', 'stream', 'stream/promises', 'vm'],
  ...['string_decoder', 'path/posix', 'timers/promises'],
];

describe('what a start loads', () => {
  it('for the version: one script', async () => {
    const { files, modules } = await loadedByNbd('--version');
    expect(files).toEqual(['main.cjs', 'help.cjs']);
    expect(modulesOfAll).toEqual(expect.arrayContaining(modules));
  });

  it('for info on a Unix socket: one script, and nothing for TLS, names, digests or threads', async () => {
    const uri = (await serve('memory:1M'))();
    const { files, modules } = await loadedByNbd('info', uri);
    expect(files).toEqual(['main.cjs', 'info.cjs']);
    expect([...modulesOfAll, 'fs/promises', 'os']).toEqual(expect.arrayContaining(modules));
  });
});

describe('what a start loads of other commands', () => {
  it('for a copy: one script', async () => {
    const uri = (await serve('memory:1M'))();
    expect((await loadedBy(main, ['copy', uri, 'null:'])).files).toEqual(['main.cjs', 'copy.cjs']);
  });

  it('for a dump: one script', async () => {
    const uri = (await serve('memory:4K'))();
    expect((await loadedBy(main, ['dump', uri])).files).toEqual(['main.cjs', 'dump.cjs']);
  });
});

describe('what no script has', () => {
  it('is loaded for WebSocket and HTTP', async () => {
    const server = spawn(process.execPath, [main, 'serve', '--web=0', 'memory:1M'], {
      env: { ...process.env, XDG_CACHE_HOME: cache },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    try {
      let printed = '';
      server.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
      await expect.poll(() => printed, { timeout: 20_000 }).toMatch(/serving ws:\S+/);
      const [, url = ''] = /serving (ws:\S+)/.exec(printed) ?? [];
      for (const given of [url, url.replace('ws:', 'http:')]) {
        expect(await run(main, ['info', '--size', given])).toMatchObject({ code: 0, stdout: '1048576\n' });
        expect(await run(main, ['copy', given, 'null:'])).toMatchObject({ code: 0 });
      }
    } finally {
      server.kill();
    }
  });
});

describe('a script', () => {
  it.each([
    '--help',
    '-h',
    '-V',
    '--version',
    '--version copy',
    '--long-options',
    'help',
    'help info',
    'help certs issue',
    'help nothing',
    '-- info',
    'nothing',
    'info',
    'info --help',
    'info --short-options',
    'info --foo',
    'info --can nothing nbd://x',
    'info nbd+unix:///?socket=/nowhere/socket',
    'info [ false',
    'copy',
    'copy --help',
    'copy --threads 2 null: null:',
    'copy /nowhere/a /nowhere/b',
    'dump',
    'dump nbd+unix:///?socket=/nowhere/socket',
    'serve',
    'serve --help',
    'serve --threads 2 --bind 127.0.0.1 --port nothing memory:1M',
    'serve /nowhere/image',
  ])('answers as the modules do: nbd %s', async (line) => {
    const argv = line.split(' ');
    expect(await run(main, argv)).toEqual(await run(modulesMain, argv));
  });

  it('shows an export as the modules do', async () => {
    const uri = (await serve('memory:1M'))();
    for (const more of [
      [],
      ['--json'],
      ['--list'],
      ['--size'],
      ['--map'],
      ['--color'],
      ['--can', 'trim'],
      ['--no-content'],
    ]) {
      const argv = ['info', ...more, uri];
      expect(await run(main, argv)).toEqual(await run(modulesMain, argv));
    }
  });
});

describe('the cache of compiled code', () => {
  const kept = () => join(cache, 'nbdjs', `help-${process.version}-${process.arch}`);
  const version = () => run(main, ['--version']);
  let expected: Outcome;

  beforeEach(async () => {
    expected = await run(modulesMain, ['--version']);
    expect(await version()).toEqual(expected);
  });

  it('is written once, for the user alone', async () => {
    const { ino, mode } = statSync(kept());
    expect(mode & 0o777).toBe(0o600);
    expect(statSync(join(cache, 'nbdjs')).mode & 0o777).toBe(0o700);
    expect(await version()).toEqual(expected);
    expect(statSync(kept()).ino).toBe(ino);
    expect(readdirSync(join(cache, 'nbdjs'))).toHaveLength(1);
  });

  it.each<[string, (whole: Buffer) => Buffer]>([
    ['is empty', () => Buffer.alloc(0)],
    ['was cut off', (whole) => whole.subarray(0, whole.length / 2)],
    ['has lost its end', (whole) => Buffer.concat([whole.subarray(0, whole.length - 64), Buffer.alloc(64)])],
    ['belongs to another script', (whole) => Buffer.concat([Buffer.alloc(64, 'a'), whole.subarray(64)])],
    [
      'holds what V8 refuses',
      (whole) => Buffer.concat([whole.subarray(0, 64), Buffer.alloc(500), whole.subarray(-64)]),
    ],
  ])('replaces what %s', async (_, damage) => {
    const whole = readFileSync(kept());
    writeFileSync(kept(), damage(whole));
    expect(await version()).toEqual(expected);
    expect(statSync(kept()).size).toBeGreaterThan(10_000);
  });

  it('replaces what others can write', async () => {
    chmodSync(kept(), 0o666);
    expect(await version()).toEqual(expected);
    expect(statSync(kept()).mode & 0o777).toBe(0o600);
  });

  it('is left alone in a folder that others can write, and where it is not wanted or not possible', async () => {
    rmSync(join(cache, 'nbdjs'), { recursive: true });
    chmodSync(cache, 0o777);
    expect(await version()).toEqual(expected);
    chmodSync(cache, 0o700);
    expect(await run(main, ['--version'], { NODE_DISABLE_COMPILE_CACHE: '1' })).toEqual(expected);
    expect(await run(main, ['--version'], { XDG_CACHE_HOME: '', HOME: '' })).toEqual(expected);
    expect(await run(main, ['--version'], { XDG_CACHE_HOME: '/dev/null' })).toEqual(expected);
    expect(await run(main, ['nothing'])).toMatchObject({ code: 1 });
    expect(await run(main, ['help', 'nothing'])).toMatchObject({ code: 1 });
    expect(existsSync(join(cache, 'nbdjs'))).toBe(false);
  });

  it('gives way to a file that is no folder', async () => {
    rmSync(join(cache, 'nbdjs'), { recursive: true });
    writeFileSync(join(cache, 'nbdjs'), '');
    expect(await version()).toEqual(expected);
  });
});
