/** Servers, and what they use while a client is measured. */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { builtNbd, type Child, spawnChild } from '@nbdjs/peers/local';
import type { SideCost } from '../measuring/run.ts';
import type { NodeCounters } from '../node-counters.mjs';
import type { Pinning } from './pinning.ts';
import type { ProcessReading } from './proc-texts.ts';
import { readProcess, type SeenThreads, usedBetween, usedTogether } from './process-reading.ts';

const probe = new URL('../node-probe.mjs', import.meta.url).href;

/** `nbd`, as it is published. */
export const nbd = [process.execPath, builtNbd] as const;

/** Some servers have a thread for each request in flight, and looking at all of them takes a millisecond. */
const lookIntervalMs = 100;

/** Counts what some processes use from `begin` to `end`. */
export class ServerCost {
  readonly pids: readonly number[];
  readonly #ours: Child['process'] | undefined;
  #threads: readonly SeenThreads[] = [];
  #before: readonly (ProcessReading | undefined)[] = [];
  #looking: NodeJS.Timeout | undefined;

  /** `ours` is a process that was started with the probe. */
  constructor(pids: readonly number[], ours?: Child['process']) {
    this.pids = pids;
    this.#ours = ours;
  }

  /** Can be called again, to begin later. */
  begin(): void {
    clearInterval(this.#looking);
    this.#threads = this.pids.map(() => new Map());
    this.#before = this.#read();
    // Some servers have threads for each connection, which end with it.
    this.#looking = setInterval(() => this.#read(), lookIntervalMs).unref();
    this.#ours?.send('begin');
  }

  async end(): Promise<SideCost> {
    clearInterval(this.#looking);
    const used = this.#read().flatMap((reading, index) => {
      const before = this.#before[index];
      return reading === undefined || before === undefined ? [] : [usedBetween(before, reading)];
    });
    return { used: usedTogether(used), node: await this.#nodeCounters() };
  }

  #read(): readonly (ProcessReading | undefined)[] {
    return this.pids.map((pid, index) => readProcess(pid, this.#threads[index]));
  }

  async #nodeCounters(): Promise<NodeCounters | undefined> {
    if (this.#ours === undefined) return undefined;
    const answer = once(this.#ours, 'message');
    this.#ours.send('end');
    const [counters] = await answer;
    return counters as NodeCounters;
  }
}

/** A program that others are served by, until it is ended. */
export interface MeasuredProgram extends AsyncDisposable {
  readonly cost: ServerCost;
  /** Settles when it has ended. */
  readonly exited: Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts a server, and waits until it is ready: by default, until it has printed something. If it runs in Node, the probe is in it, by which it
 * is asked what Node counts.
 *
 * @throws Error when it ends before it is ready
 */
export async function startMeasured(
  command: readonly [string, ...string[]],
  pinning: Pinning,
  readiness: (stdout: Readable) => Promise<unknown> = (stdout) => once(stdout, 'data'),
): Promise<MeasuredProgram> {
  const [program, ...args] = command;
  const isNode = program === process.execPath;
  const child = spawnChild(isNode ? [program, '--import', probe, ...args] : command, {
    stdio: ['ignore', 'pipe', 'inherit', ...(isNode ? (['ipc'] as const) : [])],
  });
  const { stdout, pid = 0 } = child.process;
  if (stdout === null) throw new Error('a pipe for the output was expected, got none');
  const isReady = await Promise.race([readiness(stdout).then(() => true), child.exited.then(() => false)]);
  if (!isReady) throw new Error(`${command.join(' ')} ended before it was ready`);
  stdout.resume();
  pinning.move('server', pid);
  return {
    cost: new ServerCost([pid], isNode ? child.process : undefined),
    exited: child.exited,
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await child.exited;
    },
  };
}
