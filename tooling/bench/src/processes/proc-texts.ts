/** What Linux tells of a process in the texts of /proc. */

/** Processor time and switches are counted from the start of the process. */
export interface ProcessReading {
  /** User and system time of all threads, those that have ended too. In steps of 10 ms. */
  readonly processorSeconds: number;
  /** Switches to another thread because this one had to wait. What a thread did between the last look at it and its end is missing. */
  readonly voluntarySwitches: number;
  /** The same because the time was up or another thread was more urgent. */
  readonly involuntarySwitches: number;
  /** Calls of `read`, `write` and their kin. Linux does not count `recv` and `send` here. */
  readonly readsAndWrites: number;
  /** The largest resident set so far, and that of now. */
  readonly peakBytes: number;
  readonly residentBytes: number;
}

/** The unit of times in /proc, the same on all machines that Node runs on. */
const ticksPerSecond = 100;

/** User and system seconds from /proc/PID/stat. */
export function processorSecondsIn(stat: string): number {
  // The name in parentheses may hold spaces and parentheses. The fields behind it begin with the third.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** A number of /proc/PID/status or /proc/PID/io, in which each line has a name and a value; 0 where the line is missing. */
export function numberIn(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name}:`));
  return line === undefined ? 0 : Number.parseInt(line.slice(name.length + 1), 10);
}

/** How often a thread has left its processor. */
export interface Switches {
  readonly voluntary: number;
  readonly involuntary: number;
}

/** The switches of one thread, from /proc/PID/task/THREAD/status. */
export function switchesIn(status: string): Switches {
  return {
    voluntary: numberIn(status, 'voluntary_ctxt_switches'),
    involuntary: numberIn(status, 'nonvoluntary_ctxt_switches'),
  };
}

/** A reading from the texts of one process, and the switches of each of its threads. */
export function processReading(
  texts: { readonly stat: string; readonly io: string; readonly status: string },
  threads: Iterable<Switches>,
): ProcessReading {
  const all = [...threads];
  return {
    processorSeconds: processorSecondsIn(texts.stat),
    voluntarySwitches: all.reduce((sum, { voluntary }) => sum + voluntary, 0),
    involuntarySwitches: all.reduce((sum, { involuntary }) => sum + involuntary, 0),
    readsAndWrites: numberIn(texts.io, 'syscr') + numberIn(texts.io, 'syscw'),
    peakBytes: numberIn(texts.status, 'VmHWM') * 1024,
    residentBytes: numberIn(texts.status, 'VmRSS') * 1024,
  };
}
