/** Running a peer that comes to an end by itself. */
import { spawnChild } from './child.ts';
import { commandLine, type Generation, type Program, peerEnvironment } from './programs.ts';

export interface RunOptions {
  readonly stdin?: Uint8Array | undefined;
  /** The process is killed after that time, and `isTimedOut` says so. @default 60000 */
  readonly timeoutMs?: number | undefined;
  /** Variables to be added to the environment. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface RunResult {
  /** Nothing when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly isTimedOut: boolean;
}

/** More than this on one of the outputs is a peer gone wild, and ends it. */
const maxOutputBytes = 256 * 1024 * 1024;

/** Runs a program of a generation and gives all that it printed. */
export async function runPeer(
  program: Program,
  generation: Generation,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return runWith(commandLine(program, generation, args), peerEnvironment(options.env), options);
}

/** Runs any command line the same way, in the environment as it is. */
export function runCommandLine(command: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  return runWith(command, { ...process.env, ...options.env }, options);
}

function runWith(command: readonly string[], env: NodeJS.ProcessEnv, options: RunOptions): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const { process: child, kill } = spawnChild(command, { stdio: ['pipe', 'pipe', 'pipe'], env });
    let isTimedOut = false;
    const timer = setTimeout(() => {
      isTimedOut = true;
      kill('SIGKILL');
    }, options.timeoutMs ?? 60_000);
    const collect = (name: 'stdout' | 'stderr'): Buffer[] => {
      const parts: Buffer[] = [];
      let byteCount = 0;
      child[name]?.on('data', (part: Buffer) => {
        byteCount += part.length;
        if (byteCount <= maxOutputBytes) parts.push(part);
        else kill('SIGKILL');
      });
      return parts;
    };
    const stdout = collect('stdout');
    const stderr = collect('stderr');
    // A program that does not want to read all of it may end before.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.stdin);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    // What it started and left behind would hold on to its outputs.
    child.on('exit', () => kill('SIGKILL'));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const text = Buffer.concat(stderr).toString();
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: text, isTimedOut });
    });
  });
}
