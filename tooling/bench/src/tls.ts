/** Copies in TLS: ours against nbdcopy, from the same server, and nbdcopy from ours against nbdkit's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ConnectOptions } from '@nbdjs/client';
import { type Generation, runCommandLine, startNbdkit, Workspace } from '@nbdjs/peers';
import { TestAuthority } from '@nbdjs/testkit';
import { wallSeconds } from './peers.ts';
import { alternate, median } from './statistics.ts';

const copyScript = fileURLToPath(new URL('copy-load.mjs', import.meta.url));
const serverScript = fileURLToPath(new URL('tls-server.ts', import.meta.url));

interface Load {
  readonly seconds: number;
  /** How busy the loop was, and how much of a processor its thread had, from 0 to 1. */
  readonly utilization: number;
  readonly processor: number;
}

async function copy(uri: string, options: ConnectOptions): Promise<Load> {
  const { code, stdout, stderr } = await runCommandLine([process.execPath, copyScript, uri, JSON.stringify(options)]);
  if (code !== 0) throw new Error(`our copy ended with ${code}: ${stderr}`);
  return JSON.parse(stdout.toString()) as Load;
}

export type Row = (name: string, ours: number, theirs: number, aim: string) => void;

export async function measureTls(
  generation: Generation,
  rounds: number,
  node: readonly [string, ...string[]],
  row: Row,
): Promise<void> {
  using workspace = new Workspace(generation);
  const authority = await TestAuthority.create();
  const pki = await authority.issueServer(workspace.hostPath('pki'));
  await authority.issueClient(pki);
  const uriOf = (socketPath: string): string => `nbds+unix:///?socket=${socketPath}&tls-certificates=${pki}`;

  console.log(`\nseconds to copy 2 GiB in TLS to nowhere, median of ${rounds}     ours     theirs  ratio  aim`);
  const folder = `--tls-certificates=${workspace.peerPath('pki')}`;
  await using nbdkit = await startNbdkit(workspace, ['--tls=require', folder, 'pattern', '2G']);
  const uri = `${uriOf(nbdkit.socketPath)}&tls-hostname=localhost`;
  const nbdcopy = (socketPath: string, connections: number): Promise<number> =>
    wallSeconds(['nbdcopy', `--connections=${connections}`, uriOf(socketPath), 'null:']);
  for (const [delivery, connections] of [
    ['kept', 4],
    ['kept', 1],
    ['inline', 4],
  ] as const) {
    const loads: Load[] = [];
    const { ours, theirs } = await alternate(
      rounds,
      async () => {
        const load = await copy(uri, { delivery, connections });
        loads.push(load);
        return load.seconds;
      },
      () => nbdcopy(nbdkit.socketPath, connections),
    );
    row(`${delivery}, connections: ${connections}`, ours, theirs, 'at most 1.2');
    const percent = (part: 'utilization' | 'processor'): string =>
      `${(100 * median(loads.map((load) => load[part]))).toFixed(0)} %`;
    console.log(
      `  the caller's loop: busy ${percent('utilization')}, on a processor ${percent('processor')} of the time`,
    );
  }

  const socketPath = workspace.socketPath('ours');
  const child = spawn(node[0], [...node.slice(1), serverScript, socketPath, pki], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const { ours, theirs } = await alternate(
    rounds,
    () => nbdcopy(socketPath, 4),
    () => nbdcopy(nbdkit.socketPath, 4),
  );
  row('nbdcopy from our server', ours, theirs, 'at most 1.5');
  child.kill();
  await once(child, 'exit');
}
