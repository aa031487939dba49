/** Carries out a load. */
import { type BlockDevice, CommandError, isNbdError, TimeoutError, WritesLostError } from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';
import { RequestPlan } from '../generation/request-plan.ts';
import { summarize } from '../measuring/latency-summary.ts';
import type { LoadEnd, LoadReport } from '../measuring/report.ts';
import { Tally } from '../measuring/tally.ts';
import { Pacer } from '../pacing/pacer.ts';
import type { LoadSettings } from '../settings.ts';
import type { LatencyHistogram, LoadSurroundings } from '../surroundings.ts';
import type { ContentMismatch } from '../verification/mismatch.ts';
import { Verifier } from '../verification/verifier.ts';
import { Lane } from './lane.ts';
import { LoadTimes } from './load-times.ts';
import { ProgressReports } from './progress-reports.ts';
import { Turns } from './turns.ts';

/** How often another place is tried for a request whose place is in use, before it waits. */
const triesMax = 32;

/** Why nothing new begins. */
interface End {
  readonly reason: LoadEnd;
  readonly atMs: number;
  readonly error?: Error | undefined;
}

export class LoadRun {
  readonly #device: BlockDevice;
  readonly #settings: LoadSettings;
  readonly #surroundings: LoadSurroundings;
  readonly #plan: RequestPlan;
  readonly #lanes: readonly Lane[];
  readonly #tally: Tally;
  readonly #pacer: Pacer | undefined;
  readonly #delays: LatencyHistogram | undefined;
  readonly #verifier: Verifier | undefined;
  readonly #times: LoadTimes;
  readonly #turns: Turns;
  readonly #progress: ProgressReports;
  /** Called when a request has ended, for those that wait for its place. */
  #waiters: (() => void)[] = [];
  #inFlight = 0;
  /** Since the measuring began. */
  #begun = 0;
  #begunBytes = 0;
  /** Since the start. */
  #begunPaced = 0;
  #lastMs: number;
  #end: End | undefined;
  #mismatch: ContentMismatch | undefined;
  #isVerifying = false;
  /** Nothing is waited for any more. */
  #isAbandoned = false;

  constructor(device: BlockDevice, settings: LoadSettings, surroundings: LoadSurroundings) {
    this.#device = device;
    this.#settings = settings;
    this.#surroundings = surroundings;
    const { clock, createHistogram } = surroundings;
    this.#plan = new RequestPlan(settings);
    this.#lanes = Array.from({ length: settings.depth }, (_, index) => new Lane(settings, index));
    this.#tally = new Tally(createHistogram);
    this.#pacer = settings.requestsPerSecond > 0 ? new Pacer(settings.requestsPerSecond, surroundings) : undefined;
    this.#delays = this.#pacer && createHistogram();
    this.#verifier = settings.verify ? new Verifier(settings) : undefined;
    this.#lastMs = clock.now();
    this.#times = new LoadTimes(settings, clock, {
      measure: () => this.#beginMeasuring(),
      end: () => this.#stop('time'),
      abandon: () => this.#abandon(),
      stop: () => this.#stop('stopped'),
    });
    this.#turns = new Turns(surroundings);
    this.#progress = new ProgressReports(settings, clock, this.#tally, () => this.#phase());
  }

  /** Never rejects: what went wrong is in the report. */
  async run(): Promise<LoadReport> {
    this.#times.begin();
    this.#progress.begin();
    try {
      await this.#all((lane) => this.#runLane(lane));
      const end = this.#end ?? { reason: 'requests', atMs: this.#lastMs };
      this.#end = end;
      const report = this.#report(end);
      if (!this.#needsCheck(end)) return report;
      await this.#checkAll();
      return this.#withCheck(report);
    } finally {
      this.#times.close();
      this.#progress.close();
    }
  }

  /** Settles when the work of all lanes has ended, or is not waited for any more. */
  #all(work: (lane: Lane) => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#times.onAbandon(resolve);
      Promise.all(this.#lanes.map(work)).then(() => resolve(), reject);
    });
  }

  #phase(): 'warming-up' | 'measuring' | 'verifying' {
    if (this.#isVerifying) return 'verifying';
    return this.#times.isMeasuring ? 'measuring' : 'warming-up';
  }

  #beginMeasuring(): void {
    this.#delays?.reset();
  }

  /** Nothing new begins; what is in flight is waited for. */
  #stop(reason: LoadEnd, error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { reason, atMs: this.#surroundings.clock.now(), error };
    this.#pacer?.end();
    this.#wake();
    this.#times.drain();
  }

  #abandon(): void {
    this.#isAbandoned = true;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  async #runLane(lane: Lane): Promise<void> {
    while (this.#end === undefined) {
      if (this.#plan.takesFlush()) {
        await this.#flush();
        continue;
      }
      const intendedMs = this.#pacer?.take();
      const waiting = intendedMs === undefined ? undefined : this.#pacer?.wait(intendedMs);
      if (waiting !== undefined) await waiting;
      if (this.#end !== undefined) return;
      this.#plan.next(lane);
      if (this.#verifier !== undefined && !(await this.#findFreePlace(lane))) return;
      // Another one may have ended the load since the place was found.
      if (this.#end !== undefined) return this.#leave(lane);
      this.#count(lane);
      await this.#request(lane, intendedMs);
      const turn = this.#turns.due(this.#lastMs);
      if (turn !== undefined) await turn;
    }
  }

  /** Gives up a place that was taken. */
  #leave(lane: Lane): void {
    lane.isInFlight = false;
  }

  #count({ length }: Lane): void {
    const { requestsMax, bytesMax } = this.#settings;
    this.#begunPaced++;
    if (!this.#times.isMeasuring) return;
    this.#begun++;
    this.#begunBytes += length;
    if (this.#begun >= requestsMax) this.#stop('requests');
    else if (this.#begunBytes >= bytesMax) this.#stop('bytes');
  }

  /** Requests whose content is checked must not meet others at the same place. Returns whether there is a place, and not the end. */
  async #findFreePlace(lane: Lane): Promise<boolean> {
    for (let tries = 1; this.#lanes.some((other) => other.conflictsWith(lane)); tries++) {
      if (tries < triesMax && this.#settings.pattern !== 'sequential') {
        this.#plan.move(lane);
        continue;
      }
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
      if (this.#end !== undefined) return false;
    }
    // At once, before another one looks.
    lane.isInFlight = true;
    return true;
  }

  async #request(lane: Lane, intendedMs: number | undefined): Promise<void> {
    const { clock } = this.#surroundings;
    const { kind, offset, length } = lane;
    const generation = kind === 'write' ? (this.#verifier?.fill(lane, lane.bytes) ?? 0) : 0;
    if (kind !== 'read') this.#verifier?.begin(lane);
    lane.isInFlight = true;
    this.#inFlight++;
    const beginMs = clock.now();
    if (intendedMs !== undefined) this.#delays?.record((beginMs - intendedMs) * 1e6);
    try {
      const waiting = this.#issue(lane);
      if (waiting !== undefined) await waiting;
      if (this.#isAbandoned) return;
      this.#lastMs = clock.now();
      this.#done(kind, length, intendedMs ?? beginMs);
      if (kind === 'read') this.#check({ offset, length }, lane);
      else this.#verifier?.succeed(lane, generation);
      if (this.#lastMs >= this.#times.endMs) this.#stop('time');
    } catch (error) {
      this.#failed(lane.kind, error);
    } finally {
      lane.isInFlight = false;
      this.#inFlight--;
      if (this.#waiters.length > 0) this.#wake();
    }
  }

  #issue(lane: Lane): void | Promise<void> {
    const { fua } = this.#settings;
    switch (lane.kind) {
      case 'read':
        return this.#device.read(lane.offset, lane.bytes);
      case 'write':
        return this.#device.write(lane.offset, lane.bytes, fua ? { fua } : undefined);
      case 'trim':
        return this.#device.trim(lane.offset, lane.length);
      case 'zero':
        return this.#device.writeZeroes(lane.offset, lane.length);
      case 'flush':
        return this.#device.flush();
    }
  }

  async #flush(): Promise<void> {
    const { clock } = this.#surroundings;
    const beginMs = clock.now();
    this.#inFlight++;
    try {
      await this.#device.flush();
      if (this.#isAbandoned) return;
      this.#lastMs = clock.now();
      this.#done('flush', 0, beginMs);
    } catch (error) {
      this.#failed('flush', error);
    } finally {
      this.#inFlight--;
    }
  }

  /** Requests that began while warming up are not counted. */
  #done(kind: Lane['kind'], bytes: number, beginMs: number): void {
    if (beginMs >= this.#times.startMs) this.#tally.done(kind, bytes, this.#lastMs - beginMs);
  }

  #check(range: { readonly offset: number; readonly length: number }, lane: Lane): void {
    const mismatch = this.#verifier?.check(range, lane.part(range.length));
    if (mismatch === undefined || this.#mismatch !== undefined) return;
    this.#mismatch = mismatch;
    this.#stop('mismatch');
  }

  /** Errors of single requests are counted; others mean that the device cannot be used any more. */
  #failed(kind: Lane['kind'], error: unknown): void {
    if (this.#isAbandoned) return;
    this.#lastMs = this.#surroundings.clock.now();
    const { code, message } = isNbdError(error) ? error : { code: 'error', message: toError(error).message };
    this.#tally.fail(kind, code, message);
    const isOfRequest =
      error instanceof CommandError ||
      error instanceof WritesLostError ||
      (error instanceof TimeoutError && error.phase === 'request');
    if (!isOfRequest) this.#stop('error', toError(error));
  }

  #needsCheck({ reason }: End): boolean {
    const isWhole = reason === 'time' || reason === 'requests' || reason === 'bytes';
    return this.#verifier !== undefined && isWhole && !this.#isAbandoned;
  }

  /** Reads all blocks whose content is known. */
  async #checkAll(): Promise<void> {
    this.#isVerifying = true;
    const before = this.#end;
    this.#end = undefined;
    this.#times.drainAnew();
    await this.#all((lane) => this.#checkLane(lane));
    this.#end ??= before;
  }

  async #checkLane(lane: Lane): Promise<void> {
    for (;;) {
      const run = this.#end === undefined ? this.#verifier?.nextKnown(this.#settings.largest) : undefined;
      if (run === undefined) return;
      this.#inFlight++;
      try {
        const reading = this.#device.read(run.offset, lane.part(run.length));
        if (reading !== undefined) await reading;
        if (this.#isAbandoned) return;
        this.#lastMs = this.#surroundings.clock.now();
        this.#check(run, lane);
        // Each answer gives the next ones as much time again.
        this.#times.drainAnew();
      } catch (error) {
        this.#failed('read', error);
      } finally {
        this.#inFlight--;
      }
      const turn = this.#turns.due(this.#lastMs);
      if (turn !== undefined) await turn;
    }
  }

  #report(end: End): LoadReport {
    const seconds = Math.max(
      0,
      (Math.max(this.#lastMs, this.#isAbandoned ? end.atMs : 0) - this.#times.startMs) / 1000,
    );
    const isByTime = end.reason === 'time' || end.reason === 'stopped';
    const due = isByTime ? (this.#pacer?.dueBefore(end.atMs) ?? 0) : 0;
    return {
      end: end.reason,
      error: end.error,
      seconds,
      total: this.#tally.total(seconds),
      kinds: this.#tally.kinds(seconds),
      errors: this.#tally.errors,
      unfinished: this.#inFlight,
      notBegun: Math.max(0, due - this.#begunPaced),
      delays: this.#delays && summarize(this.#delays),
      verifiedBytes: this.#verifier?.verifiedBytes ?? 0,
      mismatch: this.#mismatch,
    };
  }

  /** The figures are those of the load; only what the check has found is added. */
  #withCheck(report: LoadReport): LoadReport {
    const { reason, error } = this.#end ?? { reason: report.end, error: undefined };
    return {
      ...report,
      end: reason,
      error,
      errors: this.#tally.errors,
      unfinished: this.#inFlight,
      verifiedBytes: this.#verifier?.verifiedBytes ?? 0,
      mismatch: this.#mismatch,
    };
  }
}
