/** The servers whose examinations are in `docs/examined`, as Debian trixie has them. */
import {
  createWorkspace,
  type Generation,
  makeRawImage,
  type PeerServer,
  type Program,
  startNbdkit,
  startNbdServer,
  startQemuNbd,
  type Workspace,
} from '@nbdjs/peers';
import type { Subject } from './examination.ts';

export interface Examined extends Subject {
  readonly program: Program;
  readonly exportName: string;
  readonly start: (workspace: Workspace) => Promise<PeerServer>;
}

export const generation: Generation = 'trixie';

const mebi = 2 ** 20;
const image = 'disk.img';

function makeImage(workspace: Workspace): string {
  makeRawImage(workspace.hostPath(image), 8 * mebi, [{ offset: 0, length: mebi }]);
  return image;
}

export const examinedServers: readonly Examined[] = [
  {
    program: 'qemu-nbd',
    command: 'qemu-nbd -f raw disk.img',
    exportName: '',
    start: (workspace) => startQemuNbd(workspace, { image: makeImage(workspace), format: 'raw' }),
  },
  {
    program: 'nbdkit',
    command: 'nbdkit file disk.img',
    exportName: '',
    start: (workspace) =>
      startNbdkit(workspace, { plugin: 'file', parameters: [workspace.peerPath(makeImage(workspace))] }),
  },
  {
    program: 'nbd-server',
    command: 'nbd-server with one export of disk.img, flush = true, fua = true, trim = true',
    exportName: 'disk',
    start: (workspace) =>
      startNbdServer(workspace, [{ name: 'disk', image: makeImage(workspace), flush: true, fua: true, trim: true }]),
  },
];

export function workspaceOf(): Workspace {
  return createWorkspace(generation);
}
