/** A real NBD server that runs until it is stopped. */
import { readFileSync, rmSync } from 'node:fs';
import { type Child, type Exit, spawnChild } from './child.ts';
import { adoptDaemon } from './daemon.ts';
import { type Address, freePort, isListening } from './listening.ts';
import { commandLine, type Generation, type Program, peerEnvironment } from './programs.ts';
import type { Workspace } from './workspace.ts';

export interface PeerServer extends AsyncDisposable {
  readonly generation: Generation;
  /** As we see it; empty when it listens on TCP. */
  readonly socketPath: string;
  /** As peers of the same generation see it; empty when it listens on TCP. */
  readonly peerSocketPath: string;
  /** On 127.0.0.1; nothing when it listens on a Unix socket. */
  readonly port: number | undefined;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** The last 64 KiB of what it has complained about so far. */
  readonly stderr: string;
  /** The URI of an export, as we see it. */
  uri(exportName?: string): string;
  /** The same, as peers of the same generation see it. */
  peerUri(exportName?: string): string;
  /** Sends a signal to it and to the processes that it made for its clients. */
  kill(signal: NodeJS.Signals): void;
  /** Ends it, gently at first, and removes its socket. Can be called again. */
  stop(): Promise<void>;
}

export interface Listening {
  /** On a free port of 127.0.0.1 instead of a Unix socket. @default false */
  readonly tcp?: boolean | undefined;
}

/** How to start a server at an address. */
export interface ServerPlan {
  readonly program: Program;
  readonly args: (address: Address) => readonly string[];
  /** A file, as we see it, that it writes its number into when it is ready. */
  readonly pidFile?: string | undefined;
  /** Whether it leaves the process that was started, and goes on in one that is no child of ours. */
  readonly isDaemon?: boolean | undefined;
}

const startTimeoutMs = 15_000;
const stopTimeoutMs = 3_000;
const maxStderrCharacters = 65_536;
/** Another process may take a free port before the server does. */
const maxPortAttempts = 3;

let serial = 0;

/** A name for a server's files, of its own in its workspace. */
export function nextServerName(): string {
  return `s${++serial}`;
}

export async function startServer(
  workspace: Workspace,
  name: string,
  plan: ServerPlan,
  listening: Listening,
): Promise<PeerServer> {
  for (let attempt = 1; ; attempt++) {
    const address: Address =
      listening.tcp === true
        ? { type: 'tcp', port: await freePort() }
        : { type: 'unix', hostPath: workspace.socketPath(name), peerPath: workspace.peerPath(name) };
    try {
      return await startAt(address, workspace, plan);
    } catch (error) {
      const isPortTaken = address.type === 'tcp' && /in use/i.test(String(error));
      if (!isPortTaken || attempt === maxPortAttempts) throw error;
    }
  }
}

async function startAt(address: Address, workspace: Workspace, plan: ServerPlan): Promise<PeerServer> {
  const { generation } = workspace;
  const command = commandLine(plan.program, generation, plan.args(address));
  const started = spawnChild(command, { stdio: ['ignore', 'ignore', 'pipe'], env: peerEnvironment() });
  let stderr = '';
  started.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-maxStderrCharacters);
  });
  const fail = async (reason: string): Promise<never> => {
    await end(started);
    const daemon = plan.isDaemon === true ? pidIn(plan.pidFile as string) : undefined;
    if (daemon !== undefined) await end(adoptDaemon(daemon));
    started.process.stderr?.destroy();
    throw new Error(`${plan.program} (${generation}) ${reason}: ${stderr.trim()}`);
  };

  const isReady = (): boolean =>
    isListening(address) && (plan.pidFile === undefined || pidIn(plan.pidFile) !== undefined);
  const outcome = await waitUntil(isReady, started, plan.isDaemon === true);
  if (outcome === 'ended') {
    // What it said last may be still under way.
    await new Promise((resolve) => setTimeout(resolve, 20));
    return fail('does not start');
  }
  if (outcome === 'timeout') return fail(`does not listen after ${startTimeoutMs} ms`);
  const child = plan.isDaemon === true ? adoptDaemon(pidIn(plan.pidFile as string) as number) : started;
  const pid = 'pid' in child ? child.pid : (started.process.pid as number);

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= end(child).then(() => {
      started.process.stderr?.destroy();
      // Only qemu-nbd removes its socket by itself.
      if (address.type === 'unix') rmSync(address.hostPath, { force: true });
      if (plan.pidFile !== undefined) rmSync(plan.pidFile, { force: true });
    });
    return stopping;
  };
  const isUnix = address.type === 'unix';
  const uriWith = (name: string, path: string): string =>
    isUnix
      ? `nbd+unix:///${encodeURIComponent(name)}?socket=${path}`
      : `nbd://127.0.0.1:${address.port}/${encodeURIComponent(name)}`;
  const [socketPath, peerSocketPath] = isUnix ? [address.hostPath, address.peerPath] : ['', ''];
  return {
    generation,
    socketPath,
    peerSocketPath,
    port: isUnix ? undefined : address.port,
    pid,
    exited: child.exited,
    get stderr() {
      return stderr;
    },
    uri: (name = '') => uriWith(name, socketPath),
    peerUri: (name = '') => uriWith(name, peerSocketPath),
    kill: (signal) => void child.kill(signal),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Ends a server and all that it made for its clients, gently at first. */
async function end(child: Pick<Child, 'kill' | 'exited'>): Promise<void> {
  child.kill('SIGTERM');
  // A test may have halted it, and then it would not even take note.
  child.kill('SIGCONT');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await child.exited;
  clearTimeout(timer);
  child.kill('SIGKILL');
}

async function waitUntil(
  isReady: () => boolean,
  { process: child }: Child,
  mayEnd: boolean,
): Promise<'ready' | 'ended' | 'timeout'> {
  const hasEnded = (): boolean =>
    child.pid === undefined ||
    (mayEnd ? (child.exitCode ?? 0) !== 0 : child.exitCode !== null) ||
    child.signalCode !== null;
  for (const deadline = performance.now() + startTimeoutMs; performance.now() < deadline; ) {
    if (hasEnded()) return 'ended';
    if (isReady()) return 'ready';
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return 'timeout';
}

function pidIn(file: string): number | undefined {
  try {
    // A number without its line's end may be half of one.
    const match = /^(\d+)\n/.exec(readFileSync(file, 'latin1'));
    return match === null ? undefined : Number(match[1]);
  } catch {
    return undefined;
  }
}
