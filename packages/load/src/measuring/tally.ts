/** Counts what is done. */
import { type RequestKind, requestKinds } from '../generation/request-kind.ts';
import type { LatencyHistogram } from '../surroundings.ts';
import { summarize } from './latency-summary.ts';
import type { LoadErrors, LoadFigures } from './report.ts';

/** Errors that are reported one by one. There are few kinds of requests and codes; a device of somebody's own may have more. */
const errorsMax = 64;

interface KindTally {
  readonly latencies: LatencyHistogram;
  requests: number;
  bytes: number;
}

export class Tally {
  readonly #createHistogram: () => LatencyHistogram;
  readonly #kinds = new Map<RequestKind, KindTally>();
  readonly #errors = new Map<string, LoadErrors>();
  /** Of all requests but flushes, as everything that is said about all of them. */
  requests = 0;
  bytes = 0;
  failed = 0;

  constructor(createHistogram: () => LatencyHistogram) {
    this.#createHistogram = createHistogram;
  }

  done(kind: RequestKind, bytes: number, latencyMs: number): void {
    const tally = this.#of(kind);
    tally.requests++;
    tally.bytes += bytes;
    tally.latencies.record(latencyMs * 1e6);
    if (kind === 'flush') return;
    this.requests++;
    this.bytes += bytes;
  }

  fail(kind: RequestKind, code: string, message: string): void {
    this.failed++;
    const key = `${kind} ${code}`;
    const known = this.#errors.get(key);
    if (known === undefined && this.#errors.size >= errorsMax) return;
    this.#errors.set(
      key,
      known === undefined ? { kind, code, message, count: 1 } : { ...known, count: known.count + 1 },
    );
  }

  get errors(): LoadErrors[] {
    return [...this.#errors.values()];
  }

  /** The figures of the kinds of which there were any. */
  kinds(seconds: number): Partial<Record<RequestKind, LoadFigures>> {
    const present = requestKinds.flatMap((kind) => {
      const tally = this.#kinds.get(kind);
      return tally === undefined ? [] : [[kind, figures(tally, seconds)] as const];
    });
    return Object.fromEntries(present);
  }

  total(seconds: number): LoadFigures {
    return figures({ requests: this.requests, bytes: this.bytes, latencies: this.#latencies() }, seconds);
  }

  /** A percentile of all latencies, in nanoseconds. */
  percentile(percent: number): number | undefined {
    const latencies = this.#latencies();
    return latencies.count === 0 ? undefined : latencies.percentile(percent);
  }

  #latencies(): LatencyHistogram {
    const [first, ...others] = [...this.#kinds]
      .filter(([kind]) => kind !== 'flush')
      .map(([, { latencies }]) => latencies);
    if (first !== undefined && others.length === 0) return first;
    const all = this.#createHistogram();
    for (const latencies of first === undefined ? [] : [first, ...others]) all.add(latencies);
    return all;
  }

  #of(kind: RequestKind): KindTally {
    let tally = this.#kinds.get(kind);
    if (tally === undefined) {
      tally = { latencies: this.#createHistogram(), requests: 0, bytes: 0 };
      this.#kinds.set(kind, tally);
    }
    return tally;
  }
}

function figures({ requests, bytes, latencies }: KindTally, seconds: number): LoadFigures {
  const perSecond = (value: number): number => (seconds > 0 ? value / seconds : 0);
  return {
    requests,
    bytes,
    requestsPerSecond: perSecond(requests),
    bytesPerSecond: perSecond(bytes),
    latency: summarize(latencies),
  };
}
