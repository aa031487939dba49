/** Real NBD servers, each on a Unix socket in a workspace. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { trackChild } from './cleanup.ts';
import { commandLine, type Program } from './programs.ts';
import type { Workspace } from './workspace.ts';

export interface PeerServer extends AsyncDisposable {
  /** As we see it. */
  readonly socketPath: string;
  /** As peers of the same generation see it. */
  readonly peerSocketPath: string;
  readonly pid: number;
  readonly exited: Promise<void>;
  /** The URI of an export, as we see it. */
  uri(exportName?: string): string;
  /** The same, as peers of the same generation see it. */
  peerUri(exportName?: string): string;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface QemuNbdOptions {
  /** Name of the image's file in the workspace. */
  readonly image: string;
  readonly format: 'raw' | 'qcow2';
  readonly exportName?: string | undefined;
  readonly description?: string | undefined;
  readonly bitmaps?: readonly string[] | undefined;
  readonly allocationDepth?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  /** Clients at a time. @default 8 */
  readonly shared?: number | undefined;
  readonly extraArguments?: readonly string[] | undefined;
}

let serial = 0;

export function startQemuNbd(workspace: Workspace, options: QemuNbdOptions): Promise<PeerServer> {
  const socket = `s${++serial}`;
  return start(workspace, 'qemu-nbd', socket, [
    // Probing whether it listens would otherwise be its one and only client.
    '--persistent',
    `--shared=${options.shared ?? 8}`,
    '-k',
    workspace.peerPath(socket),
    '-f',
    options.format,
    ...(options.exportName === undefined ? [] : ['-x', options.exportName]),
    ...(options.description === undefined ? [] : ['-D', options.description]),
    ...(options.bitmaps ?? []).flatMap((bitmap) => ['-B', bitmap]),
    ...(options.allocationDepth === true ? ['-A'] : []),
    ...(options.readOnly === true ? ['-r'] : []),
    ...(options.extraArguments ?? []),
    workspace.peerPath(options.image),
  ]);
}

/** `args`: everything but where to listen, beginning with nbdkit's own options. */
export function startNbdkit(workspace: Workspace, args: readonly string[]): Promise<PeerServer> {
  const socket = `s${++serial}`;
  return start(workspace, 'nbdkit', socket, ['--foreground', '--unix', workspace.peerPath(socket), ...args]);
}

/** On 127.0.0.1, at a port that was free a moment ago; for clients that know no Unix sockets. */
export async function startNbdkitOverTcp(
  workspace: Workspace,
  args: readonly string[],
): Promise<AsyncDisposable & { readonly port: number }> {
  const port = await freePort();
  const server = await start(
    workspace,
    'nbdkit',
    '',
    ['--foreground', '--ipaddr=127.0.0.1', `--port=${port}`, ...args],
    port,
  );
  return { port, [Symbol.asyncDispose]: server.stop };
}

export interface NbdServerExport {
  readonly name: string;
  /** Name of the file in the workspace. */
  readonly image: string;
  /** Further lines of the export's section, such as `readonly = true`. */
  readonly lines?: readonly string[] | undefined;
}

export function startNbdServer(workspace: Workspace, exports: readonly NbdServerExport[]): Promise<PeerServer> {
  const socket = `s${++serial}`;
  const configuration = [
    '[generic]',
    `unixsock = ${workspace.peerPath(socket)}`,
    'allowlist = true',
    ...exports.flatMap(({ name, image, lines }) => [
      `[${name}]`,
      `exportname = ${workspace.peerPath(image)}`,
      ...(lines ?? []),
    ]),
    '',
  ].join('\n');
  writeFileSync(workspace.hostPath(`${socket}.conf`), configuration);
  // In the foreground; the older generation can do that only while it serves one client at a time.
  const foreground = workspace.generation === 'bookworm' ? '-d' : '-n';
  const files = ['-C', workspace.peerPath(`${socket}.conf`), '-p', workspace.peerPath(`${socket}.pid`)];
  return start(workspace, 'nbd-server', socket, [foreground, ...files]);
}

async function start(
  workspace: Workspace,
  program: Program,
  socket: string,
  args: readonly string[],
  port?: number,
): Promise<PeerServer> {
  const [command, ...rest] = commandLine(program, workspace.generation, args);
  // In a group of its own, so that the processes that it makes for its clients end with it.
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  const endGroup = (signal: NodeJS.Signals): boolean => {
    try {
      return process.kill(-(child.pid as number), signal);
    } catch {
      return false;
    }
  };
  const untrack = trackChild({ kill: endGroup });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4096);
  });
  const exited = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
  void exited.then(untrack);
  const stop = async (): Promise<void> => {
    endGroup('SIGTERM');
    const timer = setTimeout(() => endGroup('SIGKILL'), 3000);
    await exited;
    clearTimeout(timer);
    endGroup('SIGKILL');
    child.stderr.destroy();
  };
  const socketPath = workspace.hostPath(socket);
  const isFragile = args[0] === '-d';
  if (!(await listens(child, port ?? socketPath, isFragile))) {
    await stop();
    throw new Error(`${program} (${workspace.generation}) does not listen: ${stderr.trim()}`);
  }
  const uriOf = (path: string, name = ''): string => `nbd+unix:///${encodeURIComponent(name)}?socket=${path}`;
  return {
    socketPath,
    peerSocketPath: workspace.peerPath(socket),
    pid: child.pid as number,
    exited,
    uri: (name) => uriOf(socketPath, name),
    peerUri: (name) => uriOf(workspace.peerPath(socket), name),
    kill: endGroup,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** `isFragile`: the server ends with its first client, so that only its socket can be looked at. */
async function listens(child: ChildProcess, place: string | number, isFragile: boolean): Promise<boolean> {
  for (const deadline = performance.now() + 15_000; performance.now() < deadline; ) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    if (isFragile ? existsSync(String(place)) : await accepts(place)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

function accepts(place: string | number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof place === 'number' ? connect(place, '127.0.0.1') : connect(place);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
