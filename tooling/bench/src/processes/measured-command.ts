/** A program that comes to an end by itself, and what it used. */
import { spawnChild } from '@nbdjs/peers/local';
import type { ProcessReading } from './proc-texts.ts';
import { readProcess, type SeenThreads, usedBetween } from './process-reading.ts';

export interface MeasuredOptions {
  /** Only what it used in so many seconds before its end counts: what it did before was its start. @default all */
  readonly lastSeconds?: number | undefined;
  /** Called when it has printed the line `begin`. */
  readonly onBegin?: (() => void) | undefined;
}

export interface Outcome {
  readonly stdout: string;
  readonly seconds: number;
  readonly used: ProcessReading;
}

/** The kernel forgets processes and threads that have ended, so they are read this often while they run. */
const readingIntervalMs = 20;
const timeoutMs = 300_000;

const nothingUsed: ProcessReading = {
  processorSeconds: 0,
  voluntarySwitches: 0,
  involuntarySwitches: 0,
  readsAndWrites: 0,
  peakBytes: 0,
  residentBytes: 0,
};

/** @throws Error when it ends with another code than 0, with what it complained about */
export function runMeasured(command: readonly [string, ...string[]], options: MeasuredOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const { process: child, kill } = spawnChild(command, { stdio: ['ignore', 'pipe', 'pipe'] });
    const readings: { readonly ms: number; readonly reading: ProcessReading }[] = [];
    const threads: SeenThreads = new Map();
    const sampling = setInterval(() => {
      const reading = child.pid === undefined ? undefined : readProcess(child.pid, threads);
      if (reading !== undefined) readings.push({ ms: performance.now(), reading });
    }, readingIntervalMs);
    const timeout = setTimeout(() => kill('SIGKILL'), timeoutMs);
    let stdout = '';
    let stderr = '';
    let endMs = 0;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (stdout === '' && text.startsWith('begin\n')) options.onBegin?.();
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-2000);
    });
    child.on('error', reject);
    child.on('exit', () => {
      endMs = performance.now();
    });
    child.on('close', (code) => {
      clearInterval(sampling);
      clearTimeout(timeout);
      if (code !== 0) reject(new Error(`${command.join(' ')} ended with ${code}: ${stderr.trim() || stdout.trim()}`));
      else resolve({ stdout, seconds: (endMs - start) / 1000, used: usedIn(readings, endMs, options.lastSeconds) });
    });
  });
}

function usedIn(
  readings: readonly { readonly ms: number; readonly reading: ProcessReading }[],
  endMs: number,
  lastSeconds: number | undefined,
): ProcessReading {
  const last = readings.at(-1)?.reading ?? nothingUsed;
  if (lastSeconds === undefined) return last;
  const first = readings.find(({ ms }) => ms >= endMs - lastSeconds * 1000)?.reading ?? nothingUsed;
  return usedBetween(first, last);
}
