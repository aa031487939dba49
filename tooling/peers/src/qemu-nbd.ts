/** QEMU's server for disk images. */
import { type Listening, nextServerName, type PeerServer, startServer } from './server.ts';
import type { Workspace } from './workspace.ts';

export interface QemuNbdOptions extends Listening {
  /** Name of the image's file in the workspace, an NBD URI whose export is served again, or a `json:` description of QEMU's. */
  readonly image: string;
  readonly format: 'raw' | 'qcow2';
  readonly exportName?: string | undefined;
  readonly description?: string | undefined;
  readonly bitmaps?: readonly string[] | undefined;
  readonly allocationDepth?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  /** Clients at a time; with 1 it does not announce that several connections are safe. @default 8 */
  readonly shared?: number | undefined;
  /** Whether it stays when its last client has gone. @default true */
  readonly persistent?: boolean | undefined;
  readonly extraArguments?: readonly string[] | undefined;
}

export function startQemuNbd(workspace: Workspace, options: QemuNbdOptions): Promise<PeerServer> {
  const name = nextServerName();
  const pidFile = `${name}.pid`;
  return startServer(
    workspace,
    name,
    {
      program: 'qemu-nbd',
      // It listens before it has opened the image; only this file says that it really serves.
      pidFile: workspace.hostPath(pidFile),
      args: (address) => [
        ...(address.type === 'unix' ? ['-k', address.peerPath] : ['-b', '127.0.0.1', '-p', String(address.port)]),
        `--pid-file=${workspace.peerPath(pidFile)}`,
        ...((options.persistent ?? true) ? ['--persistent'] : []),
        `--shared=${options.shared ?? 8}`,
        '-f',
        options.format,
        ...(options.exportName === undefined ? [] : ['-x', options.exportName]),
        ...(options.description === undefined ? [] : ['-D', options.description]),
        ...(options.bitmaps ?? []).flatMap((bitmap) => ['-B', bitmap]),
        ...(options.allocationDepth === true ? ['-A'] : []),
        ...(options.readOnly === true ? ['-r'] : []),
        ...(options.extraArguments ?? []),
        /^(nbd(\+unix)?|json):/.test(options.image) ? options.image : workspace.peerPath(options.image),
      ],
    },
    options,
  );
}
