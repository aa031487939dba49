/** A server that is a program: started by this process, connected to, and ended with it. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ByteChannel, ConnectError, type PeerDescription } from '@nbdjs/interfaces';
import { duplicateDescriptor } from '@nbdjs/syscalls';
import { adoptDescriptor } from '../channels/descriptor.ts';
import { descriptorOf } from '../channels/handle.ts';
import { StreamChannel } from '../channels/stream-channel.ts';
import { type ConnectOptions, connectUnix } from '../connecting/connect.ts';
import { announced } from '../diagnostics.ts';
import { type CommandEnd, commandError, describeCommand, howItEnded, keepTrack, startProgram } from './program.ts';

/** Which program `runCommand` starts, and how it gets its socket. */
export interface CommandOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /**
   * `socket-activation`: the program inherits a listening socket as systemd would pass it (LISTEN_FDS); it can be
   * connected to several times. `socket-pair`: one connection on the program's standard input and output.
   */
  readonly mode: 'socket-activation' | 'socket-pair';
  /** Added to the environment of this process, which the program inherits; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Ends the program when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** A program that was started. */
export interface CommandServer {
  /** The program's process id. It stays the same after the end, when the system may have given it to another process. */
  readonly pid: number;
  /** Resolves when the program has ended. */
  readonly exited: Promise<CommandEnd>;
  /**
   * Connects. The program may be ready later: its socket takes connections from the start. If the program ends before it has sent a
   * byte, the channel ends with the error of code `ERR_NBD_COMMAND` that this call would have thrown.
   *
   * @throws ConnectError `ERR_NBD_COMMAND` when the program has ended, naming how.
   */
  connect(options?: ConnectOptions): Promise<ByteChannel>;
  /** Sends a signal to the program. Does nothing once it has ended. */
  kill(signal?: NodeJS.Signals): void;
  /** Ends the program (SIGTERM, then SIGKILL 5 s later) and removes its socket. Resolves when it has ended. */
  dispose(): Promise<void>;
}

/** A program that does not end when asked is killed after this long, in milliseconds. */
const killMs = 5000;

/** A program whose socket is closed is about to end. Its exit code is waited for this long, in milliseconds. */
const exitDelayMs = 1000;

/** The first descriptor of systemd's protocol. */
const firstListener = 3;

/**
 * Starts a program.
 *
 * @throws ConnectError `ERR_NBD_COMMAND` when it cannot be started, or the signal's reason.
 */
export async function runCommand(options: CommandOptions): Promise<CommandServer> {
  const { signal } = options;
  signal?.throwIfAborted();
  const server = await (options.mode === 'socket-activation' ? runActivated(options) : runPaired(options));
  if (signal === undefined) return server;
  const dispose = (): void => void server.dispose();
  signal.addEventListener('abort', dispose, { once: true });
  void server.exited.then(() => signal.removeEventListener('abort', dispose));
  if (signal.aborted) await server.dispose();
  signal.throwIfAborted();
  return server;
}

async function runActivated({ command, env }: CommandOptions): Promise<CommandServer> {
  const folder = mkdtempSync(join(tmpdir(), 'nbd-'));
  const cleanUp = (): void => rmSync(folder, { recursive: true, force: true });
  const path = join(folder, 'socket');
  let listener: Server | undefined;
  try {
    listener = await listen(`${path}.new`);
    // Closing our copy removes the path that it was bound to, but not the one that it was moved to.
    renameSync(`${path}.new`, path);
    // Only the program itself has its process id, so a shell that becomes the program fills it in.
    const child = await startProgram(command, 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"', {
      env: { ...process.env, ...env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'unknown' },
      stdio: ['inherit', 'inherit', 'inherit', descriptorOf(listener) ?? 'ignore'],
    });
    const peer = peerOf(command);
    return new RunningCommand(child, command, { connect: (how) => connectUnix(path, { ...how, peer }), cleanUp });
  } catch (error) {
    cleanUp();
    throw error;
  } finally {
    // Our copy would accept connections that no server answers.
    listener?.close();
  }
}

async function runPaired({ command, env }: CommandOptions): Promise<CommandServer> {
  // One socket is both input and output; Node would make two.
  const child = await startProgram(command, 'exec "$@" <&3 >&3 3>&-', {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  // In this very turn: Node has begun to read from its own socket, and would keep what it reads.
  let channel: ByteChannel | undefined = adoptPipe(child.stdio[firstListener] as Socket, peerOf(command));
  channel.keepAlive(false);
  return new RunningCommand(child, command, {
    connect: async () => {
      const own = channel;
      channel = undefined;
      if (own === undefined) throw commandError(command, 'it has one connection only, and that is in use');
      own.keepAlive(true);
      return own;
    },
    cleanUp: () => channel?.destroy(),
  });
}

/** What depends on how the program got its socket. */
interface Launch {
  connect(options: ConnectOptions): Promise<ByteChannel>;
  cleanUp(): void;
}

class RunningCommand implements CommandServer {
  readonly pid: number;
  readonly exited: Promise<CommandEnd>;
  readonly #child: ChildProcess;
  readonly #command: readonly string[];
  readonly #launch: Launch;
  #end: CommandEnd | undefined;
  /** Attempts to connect, which the program's end aborts. */
  readonly #connecting = new Set<AbortController>();

  constructor(child: ChildProcess, command: readonly string[], launch: Launch) {
    this.pid = child.pid as number;
    this.#child = child;
    this.#command = command;
    this.#launch = launch;
    this.exited = keepTrack(child, () => launch.cleanUp()).then((end) => {
      this.#end = end;
      for (const abort of this.#connecting) abort.abort(this.#exitError(end));
      return end;
    });
  }

  async connect(options: ConnectOptions = {}): Promise<ByteChannel> {
    if (this.#end !== undefined) throw this.#exitError(this.#end);
    const abort = new AbortController();
    this.#connecting.add(abort);
    const signal = options.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, options.signal]);
    try {
      const channel = await this.#launch.connect({ ...options, signal });
      if (channel instanceof StreamChannel) channel.explainEnd = () => this.#explainEnd(channel);
      return channel;
    } catch (error) {
      // The listening socket is closed: the program has ended, even if its exit has not been reported yet.
      if (error instanceof ConnectError && error.code !== 'ERR_NBD_COMMAND') throw (await this.#exitReason()) ?? error;
      throw error;
    } finally {
      this.#connecting.delete(abort);
    }
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  async dispose(): Promise<void> {
    if (this.#end !== undefined) return;
    this.#child.ref();
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), killMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** Explains the end of a channel on which the program has sent no byte: it was never ready. */
  async #explainEnd(channel: StreamChannel): Promise<Error | undefined> {
    return channel.receivedBytes > 0 ? undefined : this.#exitReason();
  }

  async #exitReason(): Promise<ConnectError | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, exitDelayMs, undefined);
    });
    const end = await Promise.race([this.exited, expiry]);
    clearTimeout(timer);
    return end === undefined ? undefined : this.#exitError(end);
  }

  /** Makes a new error for each caller. */
  #exitError(end: CommandEnd): ConnectError {
    return commandError(this.#command, howItEnded(end));
  }
}

function peerOf(command: readonly string[]): PeerDescription {
  return { name: describeCommand(command), transport: 'command', tls: false };
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** Node makes such sockets itself, without `onread`. A duplicate of the descriptor gives them a channel that has it. */
function adoptPipe(socket: Socket, peer: PeerDescription): ByteChannel {
  const own = descriptorOf(socket);
  const fd = own === undefined ? undefined : duplicateDescriptor(own);
  if (fd === undefined) return announced(new StreamChannel(socket, peer));
  socket.destroy();
  return adoptDescriptor(fd, peer);
}
