/** The client against libnbd, which fio drives, at a server that does nothing. */
import { startNbdkit, Workspace } from '@nbdjs/peers';
import { fioLoad } from '../loads/fio.ts';
import { ourLoad } from '../loads/our-load.ts';
import { requestCandidate } from '../loads/request-load.ts';
import { ServerCost } from '../processes/measured-server.ts';
import { loadOf, type OpenStage, openStage } from './stage.ts';

export const openClient: OpenStage = (setting) =>
  openStage(async (resources) => {
    const workspace = resources.use(new Workspace(setting.generation));
    const server = resources.use(await startNbdkit(workspace, ['null', 'size=1G']));
    setting.pinning.move('server', server.pid);
    const clients = { nbdjs: ourLoad(server.uri()), libnbd: fioLoad(server.uri()) };
    return (cell, name) =>
      requestCandidate(clients[name as keyof typeof clients], new ServerCost([server.pid]), loadOf(cell), setting);
  });
