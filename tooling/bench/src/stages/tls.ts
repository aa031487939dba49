/** Copies in TLS to nowhere: ours against nbdcopy, from the same server, and nbdcopy from our server against nbdkit. */
import { fileURLToPath } from 'node:url';
import { startNbdkit, Workspace } from '@nbdjs/peers';
import { TestAuthority } from '@nbdjs/testkit';
import { commandCandidate } from '../loads/command-candidate.ts';
import { node } from '../loads/our-load.ts';
import { nbd, ServerCost, startMeasured } from '../processes/measured-server.ts';
import { type OpenStage, openStage } from './stage.ts';

const copyScript = fileURLToPath(new URL('../copy-load.mjs', import.meta.url));
const serverScript = fileURLToPath(new URL('../tls-server.ts', import.meta.url));
const bytes = 2 * 2 ** 30;

export const openTls: OpenStage = (setting) =>
  openStage(async (resources) => {
    const workspace = resources.use(new Workspace(setting.generation));
    const authority = await TestAuthority.create();
    const folder = await authority.issueServer(workspace.hostPath('pki'));
    await authority.issueClient(folder);
    const uriOf = (socketPath: string): string => `nbds+unix:///?socket=${socketPath}&tls-certificates=${folder}`;
    const options = ['--tls=require', `--tls-certificates=${workspace.peerPath('pki')}`];
    const nbdkit = resources.use(await startNbdkit(workspace, [...options, 'pattern', '2G']));
    const socketPath = workspace.socketPath('ours');
    const command = [...node, serverScript, socketPath, folder] as const;
    const ours = resources.use(await startMeasured(command, setting.pinning));
    const nbdkitCost = new ServerCost([nbdkit.pid]);
    const nbdcopy = (path: string, connections: number, server: ServerCost) =>
      commandCandidate(['nbdcopy', `--connections=${connections}`, uriOf(path), 'null:'], { bytes, server });
    return (cell, name) => {
      const { id, connections = 1 } = cell;
      if (name === 'nbdkit' || name === 'nbdcopy') return nbdcopy(nbdkit.socketPath, connections, nbdkitCost);
      if (id.startsWith('tls/server/')) return nbdcopy(socketPath, connections, ours.cost);
      const uri = `${uriOf(nbdkit.socketPath)}&tls-hostname=localhost`;
      const server = nbdkitCost;
      // The command line deciphers inline; with kept connections, an application does.
      return id.startsWith('tls/inline/')
        ? commandCandidate([...nbd, 'copy', `--connections=${connections}`, uri, 'null:'], { bytes, server })
        : commandCandidate([process.execPath, copyScript, uri, JSON.stringify({ delivery: 'kept', connections })], {
            bytes,
            server,
            isCounting: true,
          });
    };
  });
