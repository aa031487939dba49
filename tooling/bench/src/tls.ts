/** Copies in TLS: ours against nbdcopy, from the same server, and nbdcopy from ours against nbdkit's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Generation, runCommandLine, startNbdkit, TestAuthority, Workspace } from '@nbdjs/peers';
import { wallSeconds } from './peers.ts';
import { alternate, median } from './statistics.ts';

const copyScript = fileURLToPath(new URL('copy-load.ts', import.meta.url));
const serverScript = fileURLToPath(new URL('tls-server.ts', import.meta.url));

export type Row = (name: string, ours: number, theirs: number, aim: string) => void;

export async function measureTls(
  generation: Generation,
  rounds: number,
  node: readonly [string, ...string[]],
  row: Row,
): Promise<void> {
  using workspace = new Workspace(generation);
  const authority = new TestAuthority(workspace.hostPath('authority'));
  const pki = authority.issue(workspace.hostPath('pki'), 'server');
  authority.issue(pki, 'client');
  const uriOf = (socketPath: string): string => `nbds+unix:///?socket=${socketPath}&tls-certificates=${pki}`;

  console.log(`\nseconds to copy 2 GiB in TLS to nowhere, median of ${rounds}     ours     theirs  ratio  aim`);
  const folder = `--tls-certificates=${workspace.peerPath('pki')}`;
  await using nbdkit = await startNbdkit(workspace, ['--tls=require', folder, 'pattern', '2G']);
  for (const delivery of ['kept', 'inline']) {
    const busy: number[] = [];
    const options = JSON.stringify({ delivery, connections: 4 });
    const uri = `${uriOf(nbdkit.socketPath)}&tls-hostname=localhost`;
    const { ours, theirs } = await alternate(
      rounds,
      async () => {
        const { code, stdout, stderr } = await runCommandLine([...node, copyScript, uri, options]);
        if (code !== 0) throw new Error(`our copy ended with ${code}: ${stderr}`);
        const { seconds, utilization } = JSON.parse(stdout.toString()) as { seconds: number; utilization: number };
        busy.push(utilization);
        return seconds;
      },
      () => wallSeconds(['nbdcopy', uriOf(nbdkit.socketPath), 'null:']),
    );
    row(`copy from nbdkit, ${delivery}`, ours, theirs, 'at most 1.2');
    console.log(`  the caller's loop was busy for ${(100 * median(busy)).toFixed(0)} % of the time`);
  }

  const socketPath = workspace.socketPath('ours');
  const child = spawn(node[0], [...node.slice(1), serverScript, socketPath, pki], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const { ours, theirs } = await alternate(
    rounds,
    () => wallSeconds(['nbdcopy', uriOf(socketPath), 'null:']),
    () => wallSeconds(['nbdcopy', uriOf(nbdkit.socketPath), 'null:']),
  );
  row('nbdcopy from our server', ours, theirs, 'at most 1.5');
  child.kill();
  await once(child, 'exit');
}
