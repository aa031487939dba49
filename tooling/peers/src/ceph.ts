/** A Ceph of one monitor, one object store daemon with its data in memory, and one gateway that speaks S3, on 127.0.0.1. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type Child, spawnChild } from './child.ts';
import { freePort, isListening } from './listening.ts';
import { commandLine, type Program, peerEnvironment } from './programs.ts';
import { runCommandLine } from './run.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

/** What `startCeph` needs, for `describeTools`. */
export const cephPrograms = [
  'ceph',
  'ceph-authtool',
  'ceph-mon',
  'ceph-osd',
  'monmaptool',
  'radosgw',
  'radosgw-admin',
] as const satisfies readonly Program[];

export interface Ceph extends AsyncDisposable {
  /** Of the gateway, such as `http://127.0.0.1:40000`. Buckets stand in the path. */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Ends all of it, and removes its folder. Can be called again. */
  stop(): Promise<void>;
}

export interface CephOptions {
  /** Memory for objects. @default 2 GiB */
  readonly bytesMax?: number | undefined;
}

const startTimeoutMs = 90_000;
const commandTimeoutMs = 30_000;
const stopTimeoutMs = 5_000;

const user = { accessKeyId: 'nbdjs', secretAccessKey: 'nbdjs-secret' } as const;

/** Starts a Ceph; it takes about 15 seconds on two free processors. Not for keeping anything: nothing of it is on a disk. */
export async function startCeph({ bytesMax = 2 * 2 ** 30 }: CephOptions = {}): Promise<Ceph> {
  const workspace = createWorkspace('bookworm');
  const daemons: Daemon[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= stopAll(daemons).finally(() => workspace.dispose());
    return stopping;
  };
  try {
    const port = await startDaemons(workspace, daemons, bytesMax);
    return { endpoint: `http://127.0.0.1:${port}`, ...user, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    const told = daemons.map(({ name, output }) => `${name}: ${output().trim().slice(-500)}`).join('; ');
    await stop();
    throw new Error(`Ceph does not start: ${String(error)}; ${told}`);
  }
}

interface Daemon extends Pick<Child, 'exited' | 'kill'> {
  readonly name: Program;
  readonly output: () => string;
  hasEnded: boolean;
}

async function startDaemons(workspace: Workspace, daemons: Daemon[], bytesMax: number): Promise<number> {
  const [monitorPort, gatewayPort] = [await freePort(), await freePort()];
  const fsid = randomUUID();
  const env = writeConfiguration(workspace, { fsid, monitorPort, gatewayPort, bytesMax });
  const path = (name: string): string => workspace.hostPath(name);
  const run = (program: Program, ...args: readonly string[]): Promise<void> => runOnce(program, args, env);
  const start = (program: Program, ...args: readonly string[]): void => {
    daemons.push(startDaemon(program, ['-f', ...args], env));
  };

  const everything = ['--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *'];
  await run('ceph-authtool', '--create-keyring', path('keyring'), '--gen-key', '-n', 'client.admin', ...everything);
  for (const name of ['mon.', 'client.rgw']) {
    await run('ceph-authtool', path('keyring'), '--gen-key', '-n', name, ...everything);
  }
  const ofStore = ['--cap', 'mon', 'allow profile osd', '--cap', 'osd', 'allow *'];
  await run('ceph-authtool', path('keyring'), '--gen-key', '-n', 'osd.0', ...ofStore);
  await run('monmaptool', '--create', '--fsid', fsid, '--addv', 'a', `[v2:127.0.0.1:${monitorPort}]`, path('monmap'));
  await run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', path('monmap'), '--keyring', path('keyring'));
  start('ceph-mon', '-i', 'a');
  const store = randomUUID();
  await run('ceph', '--connect-timeout', '30', 'osd', 'new', store);
  await run('ceph-osd', '--mkfs', '-i', '0', '--osd-uuid', store);
  start('ceph-osd', '-i', '0');
  start('radosgw', '-n', 'client.rgw');
  await waitForPort(gatewayPort, daemons);
  const { accessKeyId, secretAccessKey } = user;
  const keys = ['--access-key', accessKeyId, '--secret-key', secretAccessKey];
  await run('radosgw-admin', 'user', 'create', '--uid', 'nbdjs', '--display-name', 'nbdjs', ...keys);
  return gatewayPort;
}

/** Writes the file that all of the programs read, and returns the environment in which they find it. */
function writeConfiguration(
  workspace: Workspace,
  facts: {
    readonly fsid: string;
    readonly monitorPort: number;
    readonly gatewayPort: number;
    readonly bytesMax: number;
  },
): NodeJS.ProcessEnv {
  const { folder } = workspace;
  for (const name of ['mon', 'osd', 'rgw']) mkdirSync(workspace.hostPath(name));
  const text = `[global]
fsid = ${facts.fsid}
mon host = [v2:127.0.0.1:${facts.monitorPort}]
keyring = ${folder}/keyring
run dir = ${folder}
admin socket =
pid file =
log file =
log to stderr = true
crash dir = ${folder}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
# One copy, few groups: each pool is ready sooner.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail warn = 2
mon data avail crit = 1
# A change of a map waits for others of its kind; there are none.
paxos propose interval = 0.05
paxos min wait = 0.01
[mon]
mon data = ${folder}/mon
mon initial members = a
[osd]
osd data = ${folder}/osd
osd objectstore = memstore
memstore device bytes = ${facts.bytesMax}
osd class load list = *
[client.rgw]
rgw data = ${folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:${facts.gatewayPort}
rgw run sync thread = false
rgw dynamic resharding = false
rgw override bucket index max shards = 1
`;
  writeFileSync(workspace.hostPath('ceph.conf'), text);
  return peerEnvironment({ CEPH_CONF: workspace.hostPath('ceph.conf') });
}

async function runOnce(program: Program, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const command = commandLine(program, 'bookworm', args);
  const { code, stdout, stderr } = await runCommandLine(command, { env, timeoutMs: commandTimeoutMs });
  if (code === 0) return;
  throw new Error(`${program} ${args[0] ?? ''} ended with ${code}: ${`${stdout}${stderr}`.trim().slice(-500)}`);
}

function startDaemon(name: Program, args: readonly string[], env: NodeJS.ProcessEnv): Daemon {
  const child = spawnChild(commandLine(name, 'bookworm', args), { stdio: ['ignore', 'ignore', 'pipe'], env });
  let output = '';
  child.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-16_384);
  });
  const daemon: Daemon = { name, exited: child.exited, kill: child.kill, output: () => output, hasEnded: false };
  void child.exited.then(() => {
    daemon.hasEnded = true;
  });
  return daemon;
}

async function waitForPort(port: number, daemons: readonly Daemon[]): Promise<void> {
  for (const deadline = performance.now() + startTimeoutMs; performance.now() < deadline; ) {
    const ended = daemons.find(({ hasEnded }) => hasEnded);
    if (ended !== undefined) throw new Error(`${ended.name} has ended`);
    if (isListening({ type: 'tcp', port })) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the gateway does not listen after ${startTimeoutMs} ms`);
}

/** The gateway first: it would wait for the others. */
async function stopAll(daemons: readonly Daemon[]): Promise<void> {
  for (const daemon of [...daemons].reverse()) {
    daemon.kill(daemon.name === 'ceph-osd' ? 'SIGKILL' : 'SIGTERM');
    const timer = setTimeout(() => daemon.kill('SIGKILL'), stopTimeoutMs);
    await daemon.exited;
    clearTimeout(timer);
  }
}
