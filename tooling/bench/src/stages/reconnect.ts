/** The cost of being able to reconnect, while no connection is lost: the same requests with and without it. */
import type { ConnectOptions } from '@nbdjs/client';
import { startNbdkit, Workspace } from '@nbdjs/peers';
import { ourLoad } from '../loads/our-load.ts';
import { requestCandidate } from '../loads/request-load.ts';
import { measuredPeer } from '../processes/peer-server.ts';
import { loadOf, type OpenStage, openStage } from './stage.ts';

const reconnectDelayMs = 60_000;

const journal = { whenFull: 'flush' } as const;

const candidates: Readonly<Record<string, ConnectOptions>> = {
  'no journal': { reconnectDelayMs, journal: false },
  // With flushes in between, so that everything that is written is remembered.
  'with journal': { reconnectDelayMs, journal },
  'with journal, lent memory': { reconnectDelayMs, journal },
  'no reconnecting': {},
};

export const openReconnect: OpenStage = (setting) =>
  openStage(async (resources) => {
    const workspace = resources.use(new Workspace(setting.generation));
    const nbdkit = resources.use(await startNbdkit(workspace, ['null', 'size=1G']));
    const { uri, cost } = measuredPeer(nbdkit, setting.pinning);
    const load = (address: string, name: string) =>
      ourLoad(address, { connect: candidates[name], retain: name.endsWith('lent memory') });
    return (cell, name) => requestCandidate(load(uri, name), cost, loadOf(cell), setting);
  });
