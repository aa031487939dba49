/** A server that is a program: started by this process, connected to, and ended with it. */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteChannel, PeerDescription } from '@nbdjs/interfaces';
import { duplicateDescriptor } from '@nbdjs/syscalls';
import { adoptDescriptor } from '../channels/descriptor.ts';
import { descriptorOf } from '../channels/handle.ts';
import { StreamChannel } from '../channels/stream-channel.ts';
import { connectUnix } from '../connecting/connect.ts';
import { announced } from '../diagnostics.ts';
import type { CommandOptions, CommandServer } from './command-server.ts';
import { commandError, describeCommand, type ProgramOptions, startProgram } from './program.ts';
import { RunningCommand } from './running-command.ts';

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

async function runActivated(options: CommandOptions): Promise<CommandServer> {
  const { command, env } = options;
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
      ...settingsOf(options),
      env: { ...process.env, ...env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'unknown' },
      stdio: ['inherit', 'inherit', stderrOf(options), descriptorOf(listener) ?? 'ignore'],
    });
    const peer = peerOf(command);
    return new RunningCommand(child, options, { connect: (how) => connectUnix(path, { ...how, peer }), cleanUp });
  } catch (error) {
    cleanUp();
    throw error;
  } finally {
    // Our copy would accept connections that no server answers.
    listener?.close();
  }
}

async function runPaired(options: CommandOptions): Promise<CommandServer> {
  const { command, env } = options;
  // One socket is both input and output; Node would make two.
  const child = await startProgram(command, 'exec "$@" <&3 >&3 3>&-', {
    ...settingsOf(options),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', stderrOf(options), 'pipe'],
  });
  // In this very turn: Node has begun to read from its own socket, and would keep what it reads.
  let channel: ByteChannel | undefined = adoptPipe(child.stdio[firstListener] as Socket, peerOf(command));
  channel.keepAlive(false);
  return new RunningCommand(child, options, {
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

function settingsOf({ cwd, processGroup = false }: CommandOptions): Pick<ProgramOptions, 'cwd' | 'detached'> {
  return { cwd, detached: processGroup };
}

function stderrOf({ stderr = 'capture' }: CommandOptions): 'inherit' | 'pipe' {
  return stderr === 'capture' ? 'pipe' : 'inherit';
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
