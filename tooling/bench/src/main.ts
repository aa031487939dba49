/**
 * Measures the client and the copy tool against their peers, in turns and in one run. Only the ratios can be
 * compared; the figures themselves depend on the machine.
 *
 * `pnpm bench [ROUNDS [SECONDS [PART...]]]`, the parts being `requests`, `copies`, `incumbent`, `server`, `tls`, `reconnect`
 * and `distance`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ConnectOptions } from '@nbdjs/client';
import {
  type Generation,
  generationsWith,
  makeRawImage,
  runCommandLine,
  startNbdkit,
  startNbdkitOverTcp,
  startQemuNbd,
  Workspace,
} from '@nbdjs/peers';
import { fio, Incumbent, wallSeconds } from './peers.ts';
import { alternate } from './statistics.ts';
import { measureTls } from './tls.ts';

const rounds = Number(process.argv[2] ?? 5);
const seconds = Number(process.argv[3] ?? 3);
const gibi = 2 ** 30;

/** Command, depth, length of a request, and the ratio that is aimed at. */
const loads = [
  ['read', 64, 4096, 1.6],
  ['read', 16, 4096, 1.6],
  ['write', 64, 4096, 1.7],
  ['write', 16, 4096, 1.7],
  ['read', 1, 4096, 0.85],
  ['read', 16, 262_144, 1],
  ['write', 16, 262_144, 1],
] as const;

const loadScript = fileURLToPath(new URL('load.ts', import.meta.url));
const cli = fileURLToPath(new URL('../../../apps/cli/dist/main.js', import.meta.url));

// The load runs what is published: the condition for sources is not set.
const node = [process.execPath, '--import', new URL('../../vitest/typescript-hook.mjs', import.meta.url).href] as const;

async function measureOurs(
  uri: string,
  command: string,
  depth: number,
  blockBytes: number,
  options: ConnectOptions = {},
): Promise<{ perSecond: number; cpuSecondsPerGb: number }> {
  const args = [uri, command, String(depth), String(blockBytes), String(seconds), JSON.stringify(options)];
  const { code, stdout, stderr } = await runCommandLine([...node, loadScript, ...args]);
  if (code !== 0) throw new Error(`our load ended with ${code}: ${stderr}`);
  return JSON.parse(stdout.toString()) as { perSecond: number; cpuSecondsPerGb: number };
}

function row(name: string, ours: number, theirs: number, aim: string): void {
  const ratio = (ours / theirs).toFixed(2);
  console.log(
    `${name.padEnd(34)} ${ours.toPrecision(6).padStart(10)} ${theirs.toPrecision(6).padStart(10)} ${ratio.padStart(6)}  ${aim}`,
  );
}

async function requests(generation: Generation): Promise<void> {
  console.log(`\nrequests per second against libnbd (fio), median of ${rounds}      ours     theirs  ratio  aim`);
  for (const [command, depth, blockBytes, aim] of loads) {
    using workspace = new Workspace(generation);
    await using server = await startNbdkit(workspace, ['null', 'size=1G']);
    const { ours, theirs } = await alternate(
      rounds,
      async () => (await measureOurs(server.uri(), command, depth, blockBytes)).perSecond,
      () => fio(server.socketPath, command, depth, blockBytes, seconds),
    );
    row(`${command} ${blockBytes} at depth ${depth}`, ours, theirs, `at least ${aim}`);
  }
}

async function copies(generation: Generation): Promise<void> {
  console.log(`\nseconds to copy 4 GiB against nbdcopy, median of ${rounds}         ours     theirs  ratio  aim`);
  using workspace = new Workspace(generation);
  makeRawImage(workspace.hostPath('source.img'), 4 * gibi, [{ offset: 0, length: 4 * gibi }]);
  makeRawImage(workspace.hostPath('target.img'), 4 * gibi, []);
  await using source = await startQemuNbd(workspace, { image: 'source.img', format: 'raw', readOnly: true });
  await using target = await startQemuNbd(workspace, { image: 'target.img', format: 'raw' });
  for (const [name, to] of [
    ['null:', 'null:'],
    ['NBD', target.uri()],
  ] as const) {
    const { ours, theirs } = await alternate(
      rounds,
      () => wallSeconds([process.execPath, cli, 'copy', source.uri(), to]),
      () => wallSeconds(['nbdcopy', source.uri(), to]),
    );
    row(`copy from NBD to ${name}`, ours, theirs, 'at most 1.1');
  }
}

async function incumbent(generation: Generation): Promise<void> {
  using other = new Incumbent();
  if (!other.install()) {
    console.log('\n@vates/nbd-client 3.6.0 cannot be installed here');
    return;
  }
  console.log(`\nprocessor seconds per GB, 16 reads in flight, median of ${rounds}     ours     theirs  ratio  aim`);
  for (const blockBytes of [4096, 65_536, 2 ** 20]) {
    using workspace = new Workspace(generation);
    // The incumbent knows no Unix sockets, so both go by TCP.
    await using server = await startNbdkitOverTcp(workspace, ['null', 'size=1G']);
    const uri = `nbd://127.0.0.1:${server.port}`;
    const { ours, theirs } = await alternate(
      rounds,
      async () => (await measureOurs(uri, 'read', 16, blockBytes)).cpuSecondsPerGb,
      () => other.cpuSecondsPerGb(server.port, blockBytes, seconds),
    );
    row(`read ${blockBytes}`, ours, theirs, 'at most 0.33');
  }
}

/** The cost of being able to reconnect, while no connection is lost: the same requests with and without it. */
async function reconnect(generation: Generation): Promise<void> {
  const reconnectDelayMs = 60_000;
  for (const [name, options, aim] of [
    ['reconnecting, no journal', { reconnectDelayMs, journal: false }, 'at least 0.97'],
    // With flushes in between, so that everything that is written is remembered.
    ['reconnecting, with journal', { reconnectDelayMs, journal: { whenFull: 'flush' } }, 'the price'],
  ] as const) {
    console.log(`\nrequests per second, ${name}, median of ${rounds}     with    without  ratio  aim`);
    for (const [command, depth, blockBytes] of loads) {
      using workspace = new Workspace(generation);
      await using server = await startNbdkit(workspace, ['null', 'size=1G']);
      const { ours, theirs } = await alternate(
        rounds,
        async () => (await measureOurs(server.uri(), command, depth, blockBytes, options)).perSecond,
        async () => (await measureOurs(server.uri(), command, depth, blockBytes)).perSecond,
      );
      row(`${command} ${blockBytes} at depth ${depth}`, ours, theirs, aim);
    }
  }
}

/** Command, depth, length of a request, and the ratios that are aimed at: in memory, and on a file. */
const serverLoads = [
  ['read', 64, 4096, 1.5, 1],
  ['write', 64, 4096, 1.5, 1],
  ['read', 1, 4096, 0.8, 1],
  ['read', 16, 262_144, 1.2, 1],
  ['write', 16, 262_144, 0.9, 1],
] as const;

async function server(generation: Generation): Promise<void> {
  console.log(`\nrequests per second served to fio, median of ${rounds}      ours     theirs  ratio  aim`);
  using workspace = new Workspace(generation);
  for (const name of ['ours.img', 'nbdkit.img', 'qemu.img']) {
    makeRawImage(workspace.hostPath(name), gibi, [{ offset: 0, length: gibi }]);
  }
  await using memory = await startOurs(workspace, 'memory', 'memory:1G');
  await using file = await startOurs(workspace, 'file', workspace.hostPath('ours.img'));
  await using nbdkitMemory = await startNbdkit(workspace, ['memory', '1G']);
  await using nbdkitFile = await startNbdkit(workspace, ['file', workspace.peerPath('nbdkit.img')]);
  await using qemuFile = await startQemuNbd(workspace, { image: 'qemu.img', format: 'raw' });
  // Memory that was never written costs nothing to read.
  for (const { socketPath } of [memory, nbdkitMemory]) await fio(socketPath, 'write', 16, 2 ** 20, 3);
  for (const [ours, theirs, name, isFile] of [
    [memory, nbdkitMemory, 'memory, nbdkit', false],
    [file, nbdkitFile, 'file, nbdkit', true],
    [file, qemuFile, 'file, qemu-nbd', true],
  ] as const) {
    for (const [command, depth, blockBytes, aim, fileAim] of serverLoads) {
      const figures = await alternate(
        rounds,
        () => fio(ours.socketPath, command, depth, blockBytes, seconds),
        () => fio(theirs.socketPath, command, depth, blockBytes, seconds),
      );
      row(
        `${name}: ${command} ${blockBytes / 1024}k x ${depth}`,
        figures.ours,
        figures.theirs,
        `at least ${isFile ? fileAim : aim}`,
      );
    }
  }
}

/** Megabytes a second from a server that is 50 ms away, compared with one on the same machine. */
async function distance(generation: Generation): Promise<void> {
  console.log(`\nMB/s from a server 50 ms away, median of ${rounds}             far       near  ratio  aim`);
  const size = 4 * gibi;
  using workspace = new Workspace(generation);
  makeRawImage(workspace.hostPath('source.img'), size, [{ offset: 0, length: size }]);
  await using source = await startQemuNbd(workspace, { image: 'source.img', format: 'raw', readOnly: true });
  await using far = await startProxy(workspace, 'far', source.socketPath, 50);
  await using near = await startProxy(workspace, 'near', source.socketPath, 0);
  const copying = (uri: string) => async () =>
    size / 1e6 / (await wallSeconds([process.execPath, cli, 'copy', '-C', '1', uri, 'null:']));
  const reading = (uri: string) => async () =>
    ((await measureOurs(uri, 'read', 64, 2 ** 20)).perSecond * 2 ** 20) / 1e6;
  for (const [name, measure] of [
    ['copy by one connection', copying],
    ['read 1 MiB x 64', reading],
  ] as const) {
    const { ours, theirs } = await alternate(rounds, measure(far.uri), measure(near.uri));
    row(name, ours, theirs, 'at least 400 MB/s');
  }
}

async function startProxy(
  workspace: Workspace,
  name: string,
  targetPath: string,
  roundTripMs: number,
): Promise<{ uri: string } & AsyncDisposable> {
  const path = workspace.socketPath(name);
  const script = fileURLToPath(new URL('distance.ts', import.meta.url));
  const [program, ...options] = node;
  const args = [...options, '--conditions', '@nbdjs/source', script, path, targetPath, String(roundTripMs)];
  return { uri: `nbd+unix:///?socket=${path}`, ...(await startProcess(program, args)) };
}

/** A process that prints something when it is ready. */
async function startProcess(program: string, args: readonly string[]): Promise<AsyncDisposable> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** `nbd serve`, as it is published. */
async function startOurs(
  workspace: Workspace,
  name: string,
  source: string,
): Promise<{ socketPath: string } & AsyncDisposable> {
  const socketPath = workspace.socketPath(name);
  const args = [cli, 'serve', '--socket', socketPath, '--print-uri', source];
  return { socketPath, ...(await startProcess(process.execPath, args)) };
}

const [generation] = generationsWith(['nbdkit', 'qemu-nbd']).slice(-1);
if (generation === undefined) throw new Error('nbdkit and qemu-nbd are needed: see tooling/peers/install.sh');
const tls = (which: Generation): Promise<void> => measureTls(which, rounds, node, row);
const parts = { requests, copies, incumbent, server, tls, reconnect, distance };
const chosen = process.argv.slice(4);
for (const [name, measure] of Object.entries(parts)) {
  if (chosen.length === 0 || chosen.includes(name)) await measure(generation);
}
