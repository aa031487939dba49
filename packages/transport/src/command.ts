/** A program that serves one user: started by us, connected to, and ended with us. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ByteChannel, ConnectError, type PeerDescription } from '@nbdjs/interfaces';
import { duplicateDescriptor } from '@nbdjs/syscalls';
import { type ConnectOptions, connectUnix } from './connect.ts';
import { adoptDescriptor } from './descriptor.ts';
import { StreamChannel } from './stream-channel.ts';

export interface CommandOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /**
   * `socket-activation`: the program inherits a listening socket as systemd would pass it (LISTEN_FDS); it can be
   * connected to several times. `socket-pair`: one connection on the program's standard input and output.
   */
  readonly mode: 'socket-activation' | 'socket-pair';
  /** The program's environment. @default our own */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** How a program came to its end. */
export interface CommandEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that was started. */
export interface CommandServer {
  readonly pid: number;
  readonly exited: Promise<CommandEnd>;
  /** @throws ConnectError `ERR_NBD_COMMAND` when the program has ended, naming how. */
  connect(options?: ConnectOptions): Promise<ByteChannel>;
  /** Ends the program (politely, then by force) and removes its socket. Settles when it is gone. */
  dispose(): Promise<void>;
}

/** A program that does not end when asked is killed after this long. */
const patienceMs = 5000;

/** The descriptor at which systemd's protocol begins. */
const firstListener = 3;

/** Programs that are still running; they end with this process. */
const running = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of running) child.kill();
});

/**
 * Starts a program.
 *
 * @throws ConnectError `ERR_NBD_COMMAND` when it cannot be started.
 */
export async function runCommand(options: CommandOptions): Promise<CommandServer> {
  return options.mode === 'socket-activation' ? runActivated(options) : runPaired(options);
}

async function runActivated({ command, env }: CommandOptions): Promise<CommandServer> {
  const folder = mkdtempSync(join(tmpdir(), 'nbd-'));
  const path = join(folder, 'socket');
  let listener: Server | undefined;
  try {
    listener = await listen(`${path}.new`);
    // Closing our copy removes the path that it was bound to, but not the one that it has been moved to.
    renameSync(`${path}.new`, path);
    // Only the program itself knows its number, so a shell that becomes the program fills it in.
    const child = await start(command, 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"', {
      env: { ...process.env, ...env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'unknown' },
      stdio: ['inherit', 'inherit', 'inherit', descriptorOf(listener)],
    });
    const peer: PeerDescription = { name: describe(command), transport: 'command', tls: false };
    return manage(child, command, {
      connect: (options) => connectUnix(path, { ...options, peer }),
      cleanUp: () => rmSync(folder, { recursive: true, force: true }),
    });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    // Our copy would accept connections that nobody serves.
    listener?.close();
  }
}

async function runPaired({ command, env }: CommandOptions): Promise<CommandServer> {
  const peer: PeerDescription = { name: describe(command), transport: 'command', tls: false };
  // One socket is both input and output; Node would make two.
  const child = await start(command, 'exec "$@" <&3 >&3 3>&-', {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  let socket = child.stdio[firstListener] as Socket | undefined;
  return manage(child, command, {
    connect: async () => {
      const own = socket;
      socket = undefined;
      if (own === undefined) throw commandError(command, 'it has one connection only, and that is in use');
      return adoptPipe(own, peer);
    },
    cleanUp: () => socket?.destroy(),
  });
}

interface Management {
  connect(options: ConnectOptions): Promise<ByteChannel>;
  cleanUp(): void;
}

function manage(child: ChildProcess, command: readonly string[], { connect, cleanUp }: Management): CommandServer {
  running.add(child);
  let end: CommandEnd | undefined;
  const exited = new Promise<CommandEnd>((resolve) => {
    child.on('exit', (code, signal) => {
      running.delete(child);
      end = { code, signal };
      cleanUp();
      resolve(end);
    });
  });
  // Waiting for the program is the business of whoever calls `dispose`, not a reason to stay alive.
  child.unref();
  return {
    pid: child.pid as number,
    exited,
    async connect(options = {}) {
      if (end !== undefined) throw commandError(command, howItEnded(end));
      const abort = new AbortController();
      const signal = options.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, options.signal]);
      const lost = exited.then((how) => abort.abort(commandError(command, howItEnded(how))));
      try {
        return await connect({ ...options, signal });
      } catch (error) {
        if (end === undefined) throw error;
        await lost;
        throw abort.signal.reason;
      }
    },
    async dispose() {
      if (end !== undefined) return;
      child.ref();
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Starts a program through a line of shell that ends in `exec "$@"`. */
function start(
  command: readonly string[],
  script: string,
  options: { env: NodeJS.ProcessEnv; stdio: ('inherit' | 'ignore' | 'pipe' | number)[] },
): Promise<ChildProcess> {
  const [program = ''] = command;
  // The shell would only say `not found` on its standard error; asking first gives an error of our own.
  const check = 'command -v "$1" >/dev/null || exit 127; ';
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', check + script, 'sh', ...command], options);
    child.on('error', (cause) => reject(commandError(command, `'${program}' cannot be started`, cause)));
    child.on('spawn', () => resolve(child));
  });
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(path, () => resolve(server));
  });
}

function descriptorOf(server: Server): number {
  const { _handle: handle } = server as unknown as { readonly _handle: { readonly fd: number } };
  return handle.fd;
}

/** Node makes such sockets itself, without `onread`; a duplicate of the descriptor gets them a channel that has it. */
function adoptPipe(socket: Socket, peer: PeerDescription): ByteChannel {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd: number } };
  const fd = duplicateDescriptor(handle.fd);
  if (fd === undefined) return new StreamChannel(socket, peer);
  socket.destroy();
  return adoptDescriptor(fd, peer);
}

function describe(command: readonly string[]): string {
  return `[ ${command.join(' ')} ]`;
}

function howItEnded({ code, signal }: CommandEnd): string {
  if (code === 127) return 'there is no such program';
  return signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
}

function commandError(command: readonly string[], what: string, cause?: unknown): ConnectError {
  return new ConnectError('ERR_NBD_COMMAND', `${describe(command)}: ${what}`, { cause, permanent: true });
}
