/** The server with plugins and filters. */
import { type Listening, nextServerName, type PeerServer, startServer } from './server.ts';
import type { Workspace } from './workspace.ts';

export interface NbdkitOptions extends Listening {
  /** nbdkit's own options, such as `--no-sr`. */
  readonly options?: readonly string[] | undefined;
  /** Names of filters, the outermost first. */
  readonly filters?: readonly string[] | undefined;
  readonly plugin: string;
  /** Parameters of the plugin and of the filters. Paths have to be as the peer sees them. */
  readonly parameters?: readonly string[] | undefined;
}

/** Takes a description, or the arguments as they are: all but where to listen, beginning with nbdkit's own options. */
export function startNbdkit(workspace: Workspace, what: NbdkitOptions | readonly string[]): Promise<PeerServer> {
  if (isList(what)) return start(workspace, what, {});
  const { options = [], filters = [], plugin, parameters = [] } = what;
  return start(workspace, [...options, ...filters.map((filter) => `--filter=${filter}`), plugin, ...parameters], what);
}

/** The same on 127.0.0.1, at a port that was free a moment ago; for clients that know no Unix sockets. */
export async function startNbdkitOverTcp(
  workspace: Workspace,
  args: readonly string[],
): Promise<PeerServer & { readonly port: number }> {
  const server = await start(workspace, args, { tcp: true });
  return server as PeerServer & { readonly port: number };
}

function isList(what: NbdkitOptions | readonly string[]): what is readonly string[] {
  return Array.isArray(what);
}

function start(workspace: Workspace, args: readonly string[], listening: Listening): Promise<PeerServer> {
  const name = nextServerName();
  const pidFile = `${name}.pid`;
  return startServer(
    workspace,
    name,
    {
      program: 'nbdkit',
      pidFile: workspace.hostPath(pidFile),
      args: (address) => [
        '--foreground',
        ...(address.type === 'unix'
          ? ['--unix', address.peerPath]
          : ['--ipaddr', '127.0.0.1', '--port', String(address.port)]),
        '--pidfile',
        workspace.peerPath(pidFile),
        ...args,
      ],
    },
    listening,
  );
}
