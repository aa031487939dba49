/** The server against qemu-nbd, a qcow2 image behind it; and commands that look into a large image. */
import { makeRawImage, runPeer, startQemuNbd, Workspace } from '@nbdjs/peers';
import { fioLoad } from '../loads/fio.ts';
import { requestCandidate } from '../loads/request-load.ts';
import type { Candidate } from '../measuring/run.ts';
import { median } from '../measuring/statistics.ts';
import { dd } from '../processes/dd.ts';
import { runMeasured } from '../processes/measured-command.ts';
import { nbd } from '../processes/measured-server.ts';
import { startOurs } from '../processes/our-server.ts';
import { measuredPeer } from '../processes/peer-server.ts';
import { loadOf, type OpenStage, openStage, type Setting } from './stage.ts';

const diskBytes = 2 ** 30;

export const openServerQcow2: OpenStage = (setting) =>
  openStage(async (resources) => {
    const { pinning } = setting;
    const workspace = resources.use(new Workspace(setting.generation));
    makeRawImage(workspace.hostPath('disk.raw'), diskBytes, [{ offset: 0, length: diskBytes }]);
    // A file for each: they have the same pages cached, and none keeps the other's.
    for (const name of ['nbdjs', 'qemu-nbd']) {
      const paths = [workspace.peerPath('disk.raw'), workspace.peerPath(`${name}.qcow2`)];
      await qemuImg(workspace, ['convert', '-f', 'raw', '-O', 'qcow2', ...paths]);
    }
    await qemuImg(workspace, ['create', '-q', '-f', 'qcow2', workspace.peerPath('large.qcow2'), '1T']);
    const image = workspace.hostPath('nbdjs.qcow2');
    const ours = resources.use(await startOurs(workspace, 'ours', pinning, ['--read-only', image]));
    const qemu = resources.use(
      await startQemuNbd(workspace, { image: 'qemu-nbd.qcow2', format: 'qcow2', readOnly: true }),
    );
    const servers = { nbdjs: ours, 'qemu-nbd': measuredPeer(qemu, pinning) };
    const large = workspace.hostPath('large.qcow2');
    const commands = {
      'nbd info': [...nbd, 'info', '--size', large],
      'node -e 0': [process.execPath, '-e', '0'],
      'qemu-img info': ['qemu-img', 'info', large],
    } as const;
    return (cell, name) => {
      const command = commands[name as keyof typeof commands];
      if (command !== undefined) return coldCommand(command, large, setting);
      const { uri, cost } = servers[name as keyof typeof servers];
      const candidate = requestCandidate(fioLoad(uri), cost, loadOf(cell), setting);
      return {
        ...candidate,
        measure() {
          dd([`if=${workspace.hostPath(`${name}.qcow2`)}`, 'of=/dev/null', 'bs=1M'], 'fill the page cache');
          return candidate.measure();
        },
      };
    };
  });

/** The median of as many runs as fit, each with none of the image in the page cache. */
function coldCommand(command: readonly [string, ...string[]], image: string, setting: Setting): Candidate {
  const { seconds, pinning } = setting;
  return {
    async measure() {
      const all: number[] = [];
      const endMs = performance.now() + seconds * 1000;
      do {
        dd([`of=${image}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], 'drop the page cache');
        all.push((await runMeasured(pinning.command('client', command))).seconds);
      } while (performance.now() < endMs);
      return { values: { seconds: median(all) } };
    },
  };
}

async function qemuImg(workspace: Workspace, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runPeer('qemu-img', workspace.generation, args);
  if (code !== 0) throw new Error(`qemu-img ${args.join(' ')}: ${stderr}`);
}
