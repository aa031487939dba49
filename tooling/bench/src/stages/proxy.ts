/** `nbd proxy` between a client and a server, beside a client that is connected to that server itself. */
import { startNbdkit, Workspace } from '@nbdjs/peers';
import type { Proxying } from '../cells/proxy.ts';
import { fioFill, fioLoad } from '../loads/fio.ts';
import { requestCandidate, withServerCost } from '../loads/request-load.ts';
import { runMeasured } from '../processes/measured-command.ts';
import { nbd, startMeasured } from '../processes/measured-server.ts';
import { measuredPeer } from '../processes/peer-server.ts';
import { loadOf, type OpenStage, openStage } from './stage.ts';

/** Long enough that several parts of it are written in a run. */
const recordingBytesMax = '64M';

export const openProxying: OpenStage = (setting) =>
  openStage(async (resources) => {
    const { pinning } = setting;
    const workspace = resources.use(new Workspace(setting.generation));
    const direct = measuredPeer(resources.use(await startNbdkit(workspace, ['memory', '1G'])), pinning);
    await runMeasured(fioFill(direct.uri));
    const proxy = async (name: Proxying, options: readonly string[]) => {
      const path = workspace.socketPath(name);
      const command = [...nbd, 'proxy', '--socket', path, '--print-uri', ...options, direct.uri] as const;
      const { cost } = resources.use(await startMeasured(command, pinning));
      return { uri: `nbd+unix:///?socket=${path}`, cost };
    };
    const recording = ['--record', workspace.hostPath('session.rec'), '--record-max', recordingBytesMax];
    const ways = {
      'nbd proxy, passing': await proxy('passing', ['--quiet']),
      'nbd proxy, recording': await proxy('recording', recording),
      direct,
    };
    return (cell, name) => {
      const { uri, cost } = ways[name as keyof typeof ways];
      return withServerCost(requestCandidate(fioLoad(uri), cost, loadOf(cell), setting));
    };
  });
