/** Running a peer that comes to an end by itself. */
import { spawn } from 'node:child_process';
import { trackChild } from './cleanup.ts';
import { commandLine, type Generation, type Program } from './programs.ts';

export interface RunOptions {
  readonly stdin?: Uint8Array | undefined;
  /** @default 60000 */
  readonly timeoutMs?: number | undefined;
}

export interface RunResult {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program of a generation and gives all that it printed. */
export function runPeer(
  program: Program,
  generation: Generation,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return runCommandLine(commandLine(program, generation, args), options);
}

/** Runs any command line the same way. */
export function runCommandLine(command: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const untrack = trackChild(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => stdout.push(part));
    child.stderr.on('data', (part: Buffer) => stderr.push(part));
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      untrack();
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
}
