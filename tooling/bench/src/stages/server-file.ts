/** The server against others, a file behind it that is in the page cache or is not, driven by libnbd. */
import { makeRawImage, startNbdkit, startQemuNbd, Workspace } from '@nbdjs/peers';
import { fioLoad } from '../loads/fio.ts';
import { requestCandidate } from '../loads/request-load.ts';
import type { Candidate } from '../measuring/run.ts';
import { dd } from '../processes/dd.ts';
import { startOurs } from '../processes/our-server.ts';
import { measuredPeer } from '../processes/peer-server.ts';
import { loadOf, type OpenStage, openStage } from './stage.ts';

const fileBytes = 2 ** 30;

export const openServerFile: OpenStage = (setting) =>
  openStage(async (resources) => {
    const { pinning } = setting;
    const workspace = resources.use(new Workspace(setting.generation));
    const path = (name: string): string => workspace.hostPath(`${name}.img`);
    for (const name of ['nbdjs', 'nbdkit', 'qemu-nbd']) {
      makeRawImage(path(name), fileBytes, [{ offset: 0, length: fileBytes }]);
    }
    const ours = resources.use(await startOurs(workspace, 'ours', pinning, [path('nbdjs')]));
    const nbdkit = resources.use(await startNbdkit(workspace, ['file', workspace.peerPath('nbdkit.img')]));
    const qemu = resources.use(await startQemuNbd(workspace, { image: 'qemu-nbd.img', format: 'raw' }));
    const servers = {
      nbdjs: ours,
      nbdkit: measuredPeer(nbdkit, pinning),
      'qemu-nbd': measuredPeer(qemu, pinning),
    };
    return (cell, name) => {
      const { uri, cost } = servers[name as keyof typeof servers];
      const candidate = requestCandidate(fioLoad(uri), cost, loadOf(cell), setting);
      return withCache(candidate, path(name), cell.path.includes('cold') ? 'dropped' : 'filled');
    };
  });

/** The same, with all or nothing of the file in the page cache at the beginning. */
function withCache(candidate: Candidate, path: string, state: 'dropped' | 'filled'): Candidate {
  // dd leaves a file of which it writes nothing as it is, and tells the kernel to forget its pages.
  const args =
    state === 'dropped'
      ? [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0']
      : [`if=${path}`, 'of=/dev/null', 'bs=1M'];
  return {
    ...candidate,
    measure() {
      dd(args, `have the page cache of ${path} ${state}`);
      return candidate.measure();
    },
  };
}
