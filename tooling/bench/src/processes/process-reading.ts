/** Reading what a process has used so far. */
import { readdirSync, readFileSync } from 'node:fs';
import { type ProcessReading, processReading, type Switches, switchesIn } from './proc-texts.ts';

/** The threads of a process that were ever seen, by their numbers. Their switches are not in the figures of the process. */
export type SeenThreads = Map<string, Switches>;

/** What a process has used so far; `undefined` when it is not there any more. Threads that are there are added to `seen`. */
export function readProcess(pid: number | 'self', seen: SeenThreads = new Map()): ProcessReading | undefined {
  const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'latin1');
  try {
    const texts = { stat: read('stat'), io: read('io'), status: read('status') };
    // A process that has ended and was not waited for has a `stat`, but no memory.
    if (!texts.status.includes('VmHWM')) return undefined;
    lookAtThreads(pid, seen);
    return processReading(texts, seen.values());
  } catch {
    return undefined;
  }
}

/** The difference of two readings. Memory is that of the later one. */
export function usedBetween(earlier: ProcessReading, later: ProcessReading): ProcessReading {
  return {
    processorSeconds: later.processorSeconds - earlier.processorSeconds,
    voluntarySwitches: later.voluntarySwitches - earlier.voluntarySwitches,
    involuntarySwitches: later.involuntarySwitches - earlier.involuntarySwitches,
    readsAndWrites: later.readsAndWrites - earlier.readsAndWrites,
    peakBytes: later.peakBytes,
    residentBytes: later.residentBytes,
  };
}

/** What several processes used together, such as the two servers of a copy. */
export function usedTogether(readings: readonly ProcessReading[]): ProcessReading {
  const sum = (of: (reading: ProcessReading) => number): number =>
    readings.reduce((total, reading) => total + of(reading), 0);
  return {
    processorSeconds: sum((one) => one.processorSeconds),
    voluntarySwitches: sum((one) => one.voluntarySwitches),
    involuntarySwitches: sum((one) => one.involuntarySwitches),
    readsAndWrites: sum((one) => one.readsAndWrites),
    peakBytes: sum((one) => one.peakBytes),
    residentBytes: sum((one) => one.residentBytes),
  };
}

function lookAtThreads(pid: number | 'self', seen: SeenThreads): void {
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      seen.set(thread, switchesIn(readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1')));
    } catch {
      // It ended in between.
    }
  }
}
