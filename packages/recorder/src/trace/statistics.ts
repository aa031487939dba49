/** Figures about the requests of a trace. */
import type { Exchange } from './exchange.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** Latencies in microseconds, exact to 1%. */
export interface LatencyFigures {
  /** The shortest. */
  readonly least: number;
  /** The mean. */
  readonly mean: number;
  /** Half of them are not longer. */
  readonly p50: number;
  /** 90% are not longer. */
  readonly p90: number;
  /** 99% are not longer. */
  readonly p99: number;
  /** 99.9% are not longer. */
  readonly p999: number;
  /** The longest. */
  readonly most: number;
}

/** Figures about the requests with one command. */
export interface CommandFigures {
  /** Its name, such as `READ`. */
  readonly command: string;
  /** Requests that were answered. */
  readonly requests: number;
  /** Of those, the ones that have failed. */
  readonly errors: number;
  /** The sum of the lengths of their ranges, in bytes. */
  readonly bytes: bigint;
  /** The shortest and the longest range, in bytes. */
  readonly lengths: readonly [least: bigint, most: bigint];
  /** The share of requests that begin where the one before them on the same connection ends, 0 to 1. */
  readonly sequential: number;
  /** From the last byte of a request to the last byte of its reply. */
  readonly latency: LatencyFigures;
}

/** Figures about a trace. */
export interface TraceFigures {
  /** From the first request to the last reply, in microseconds. */
  readonly duration: number;
  /** Commands by their numbers of requests, the most frequent one first. */
  readonly commands: readonly CommandFigures[];
}

/** What is counted for one command. */
interface Counts {
  requests: number;
  errors: number;
  bytes: bigint;
  least: bigint;
  most: bigint;
  sequential: number;
  readonly latency: LatencyHistogram;
  /** Where the next request of each connection would be sequential. */
  readonly ends: Map<number, bigint>;
}

/** A trace with more commands or connections than this was made to harm; what comes then is not counted by itself. */
const commandsMax = 64;
const connectionsMax = 4096;

/** Adds up the exchanges of a trace. Keeps no exchange. */
export class TraceStatistics {
  readonly #commands = new Map<string, Counts>();
  #firstTime: number | undefined;
  #lastTime = 0;

  /** Takes the next exchange. */
  add({ command, connection, request, error, latency, time }: Exchange): void {
    const name = this.#commands.has(command) || this.#commands.size < commandsMax ? command : 'others';
    const counts = this.#commands.get(name) ?? start();
    this.#commands.set(name, counts);
    const { offset, length } = request;
    counts.requests++;
    if (error !== undefined) counts.errors++;
    counts.bytes += length;
    if (length < counts.least) counts.least = length;
    if (length > counts.most) counts.most = length;
    if (length > 0n && counts.ends.get(connection) === offset) counts.sequential++;
    if (counts.ends.has(connection) || counts.ends.size < connectionsMax) counts.ends.set(connection, offset + length);
    counts.latency.add(Math.round(latency));
    this.#firstTime = Math.min(this.#firstTime ?? time, time);
    this.#lastTime = Math.max(this.#lastTime, time + latency);
  }

  /** The figures so far. */
  get figures(): TraceFigures {
    const figures = [...this.#commands].map(([command, counts]): CommandFigures => {
      const { requests, errors, bytes, least, most, sequential, latency } = counts;
      const lengths = [least, most] as const;
      return {
        command,
        requests,
        errors,
        bytes,
        lengths,
        sequential: sequential / requests,
        latency: figuresOf(latency),
      };
    });
    figures.sort((one, other) => other.requests - one.requests);
    return { duration: this.#lastTime - (this.#firstTime ?? this.#lastTime), commands: figures };
  }
}

function start(): Counts {
  const latency = new LatencyHistogram();
  return { requests: 0, errors: 0, bytes: 0n, least: 2n ** 64n, most: 0n, sequential: 0, latency, ends: new Map() };
}

function figuresOf(latency: LatencyHistogram): LatencyFigures {
  const [p50 = 0, p90 = 0, p99 = 0, p999 = 0] = [50, 90, 99, 99.9].map((percent) =>
    Math.round(latency.percentile(percent)),
  );
  return { least: latency.least, mean: Math.round(latency.mean), p50, p90, p99, p999, most: latency.most };
}
