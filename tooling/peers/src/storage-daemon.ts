/** QEMU's block layer without a machine, with a monitor and an NBD server that has no exports yet. */
import { Qmp } from './qmp.ts';
import { nextServerName, type PeerServer, startServer } from './server.ts';
import type { Workspace } from './workspace.ts';

export interface StorageDaemonOptions {
  /** Name of the image's file in the workspace. */
  readonly image: string;
  readonly format: 'raw' | 'qcow2';
  /** What its commands call the disk. */
  readonly node: string;
}

export interface StorageDaemon extends AsyncDisposable {
  readonly server: PeerServer;
  readonly qmp: Qmp;
}

export async function startStorageDaemon(
  workspace: Workspace,
  { image, format, node }: StorageDaemonOptions,
): Promise<StorageDaemon> {
  const name = nextServerName();
  const monitor = `${name}.qmp`;
  const server = await startServer(
    workspace,
    name,
    {
      program: 'qemu-storage-daemon',
      pidFile: workspace.hostPath(`${name}.pid`),
      args: (address) => [
        ...['--pidfile', workspace.peerPath(`${name}.pid`)],
        ...['--chardev', `socket,id=qmp,path=${workspace.peerPath(monitor)},server=on,wait=off`],
        ...['--monitor', 'chardev=qmp'],
        ...['--blockdev', `driver=file,node-name=${node}-file,filename=${workspace.peerPath(image)}`],
        ...['--blockdev', `driver=${format},node-name=${node},file=${node}-file,discard=unmap`],
        '--nbd-server',
        address.type === 'unix'
          ? `addr.type=unix,addr.path=${address.peerPath}`
          : `addr.type=inet,addr.host=127.0.0.1,addr.port=${address.port}`,
      ],
    },
    {},
  );
  const qmp = await Qmp.open(workspace.socketPath(monitor)).catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return {
    server,
    qmp,
    async [Symbol.asyncDispose]() {
      qmp[Symbol.dispose]();
      await server.stop();
    },
  };
}
