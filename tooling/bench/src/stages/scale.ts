/** The server with few and many connections, requests in flight, and bytes behind it, driven by our client. */
import { startNbdkit, Workspace } from '@nbdjs/peers';
import { ourLoad } from '../loads/our-load.ts';
import { requestCandidate } from '../loads/request-load.ts';
import { sizeText } from '../measuring/cell.ts';
import { startOurs } from '../processes/our-server.ts';
import { type MeasuredServer, measuredPeer } from '../processes/peer-server.ts';
import { loadOf, type OpenStage, openStage } from './stage.ts';

export const openScale: OpenStage = (setting) =>
  openStage(async (resources) => {
    const { pinning } = setting;
    const workspace = resources.use(new Workspace(setting.generation));
    const servers = new Map<string, MeasuredServer>();
    const start = async (name: string, size: string): Promise<MeasuredServer> => {
      if (name === 'nbdjs') {
        return resources.use(await startOurs(workspace, size, pinning, ['--shared=0', `memory:${size}`]));
      }
      // By default it has 16 threads for each connection.
      const threads = size === 'one' ? ['--threads=1'] : [];
      const args = [...threads, 'memory', size === 'one' ? '1G' : size];
      return measuredPeer(resources.use(await startNbdkit(workspace, args)), pinning);
    };
    return async (cell, name) => {
      const { connections = 1, deviceBytes = 2 ** 30 } = cell;
      const size = name === 'nbdkit' && connections > 1 ? 'one' : sizeText(deviceBytes);
      const key = `${name} ${size}`;
      const server = servers.get(key) ?? (await start(name, size));
      servers.set(key, server);
      return requestCandidate(ourLoad(server.uri, { clients: connections }), server.cost, loadOf(cell), setting);
    };
  });
