/** The client against libnbd, which fio drives, at a server that does nothing. */
import { startNbdkit, Workspace } from '@nbdjs/peers';
import { fioLoad } from '../loads/fio.ts';
import { ourLoad } from '../loads/our-load.ts';
import { requestCandidate } from '../loads/request-load.ts';
import { measuredPeer } from '../processes/peer-server.ts';
import { loadOf, type OpenStage, openStage } from './stage.ts';

export const openClient: OpenStage = (setting) =>
  openStage(async (resources) => {
    const workspace = resources.use(new Workspace(setting.generation));
    const nbdkit = resources.use(await startNbdkit(workspace, ['null', 'size=1G']));
    const { uri, cost } = measuredPeer(nbdkit, setting.pinning);
    const clients = { nbdjs: ourLoad(uri), libnbd: fioLoad(uri) };
    return (cell, name) => requestCandidate(clients[name as keyof typeof clients], cost, loadOf(cell), setting);
  });
