/** The server against others, memory behind it, driven by libnbd. */
import { startNbdkit, startQemuNbd, Workspace } from '@nbdjs/peers';
import { fioFill, fioLoad } from '../loads/fio.ts';
import { requestCandidate } from '../loads/request-load.ts';
import { runMeasured } from '../processes/measured-command.ts';
import { startOurs } from '../processes/our-server.ts';
import { measuredPeer } from '../processes/peer-server.ts';
import { loadOf, type OpenStage, openStage } from './stage.ts';

/** QEMU's nearest to memory: its reads cost nothing, and what is written is forgotten. With `read-zeroes` it would send no payload. */
export const qemuMemory = 'json:{"driver":"raw","file":{"driver":"null-co","size":1073741824,"read-zeroes":false}}';

export const openServerMemory: OpenStage = (setting) =>
  openStage(async (resources) => {
    const { pinning } = setting;
    const workspace = resources.use(new Workspace(setting.generation));
    const ours = resources.use(await startOurs(workspace, 'ours', pinning, ['memory:1G']));
    const nbdkit = resources.use(await startNbdkit(workspace, ['memory', '1G']));
    const qemu = resources.use(await startQemuNbd(workspace, { image: qemuMemory, format: 'raw' }));
    const servers = {
      nbdjs: ours,
      nbdkit: measuredPeer(nbdkit, pinning),
      'qemu-nbd': measuredPeer(qemu, pinning),
    };
    // Memory that was never written costs nothing to read.
    for (const { uri } of [servers.nbdjs, servers.nbdkit]) await runMeasured(fioFill(uri));
    return (cell, name) => {
      const { uri, cost } = servers[name as keyof typeof servers];
      return requestCandidate(fioLoad(uri), cost, loadOf(cell), setting);
    };
  });
