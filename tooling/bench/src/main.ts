/**
 * Measures the client and the copy tool against their peers, in turns and in one run. What counts is the ratio; the figures
 * by themselves say as much about the machine.
 *
 * `pnpm bench [ROUNDS [SECONDS [PART...]]]`, the parts being `requests`, `copies` and `incumbent`.
 */
import { fileURLToPath } from 'node:url';
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
): Promise<{ perSecond: number; cpuSecondsPerGb: number }> {
  const args = [uri, command, String(depth), String(blockBytes), String(seconds)];
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

const [generation] = generationsWith(['nbdkit', 'qemu-nbd']).slice(-1);
if (generation === undefined) throw new Error('nbdkit and qemu-nbd are needed: see tooling/peers/install.sh');
const parts = { requests, copies, incumbent };
const chosen = process.argv.slice(4);
for (const [name, measure] of Object.entries(parts)) {
  if (chosen.length === 0 || chosen.includes(name)) await measure(generation);
}
