/** `nbd mount` beside nbdfuse, both on one server, driven by fio on the mounted file. */
import { join } from 'node:path';
import { canUseFuse, missingOf, startNbdkit, Workspace } from '@nbdjs/peers';
import { type MountLoad, mountLoadOf } from '../cells/mount.ts';
import { fioFileLoad, fioFill } from '../loads/fio.ts';
import { requestCandidate, withServerCost } from '../loads/request-load.ts';
import { runMeasured } from '../processes/measured-command.ts';
import { startMount } from '../processes/measured-mount.ts';
import { nbd } from '../processes/measured-server.ts';
import { type OpenStage, openStage } from './stage.ts';

/** What both have, so that the number of connections makes no difference. */
const connections = '4';

export const openMounting: OpenStage = (setting) =>
  openStage(async (resources) => {
    const obstacle = obstacleToMounts();
    if (obstacle !== undefined) return () => obstacle;
    const workspace = resources.use(new Workspace(setting.generation));
    const server = resources.use(await startNbdkit(workspace, ['memory', '1G']));
    const uri = server.uri();
    await runMeasured(fioFill(uri));
    const mount = async (folder: string, command: readonly [string, ...string[]]) => {
      const { cost } = resources.use(await startMount(folder, command, setting.pinning));
      return { path: join(folder, 'nbd'), cost };
    };
    const folders = { ours: workspace.hostPath('ours'), theirs: workspace.hostPath('theirs') };
    const mounts = {
      'nbd mount': await mount(folders.ours, [...nbd, 'mount', '-q', '-C', connections, uri, folders.ours]),
      // Unmounted also when we are killed, as ours is by itself.
      nbdfuse: await mount(folders.theirs, ['nbdfuse', '-o', 'auto_unmount', '-C', connections, folders.theirs, uri]),
    };
    return (cell, name) => {
      const { path, cost } = mounts[name as keyof typeof mounts];
      const { command, order, blockBytes, jobs } = mountLoadOf.get(cell.id) as MountLoad;
      const load = { command, blockBytes, depth: jobs };
      // The server of fio is the program that mounts.
      return withServerCost(requestCandidate(fioFileLoad(path, order), cost, load, setting));
    };
  });

/** Why nothing can be mounted here; `undefined` where it can. */
function obstacleToMounts(): string | undefined {
  if (!canUseFuse()) return '/dev/fuse cannot be used here';
  const [missing] = missingOf(['fusermount3', 'nbdfuse'], 'bookworm');
  return missing && `no ${missing}`;
}
