/**
 * The transmission phase of one client: requests in, replies out, in any order.
 *
 * This class joins the others of this folder. A delivery goes through intake (header to request), admission (may it begin?), runner
 * and commands (the device's work, and the reply) and send buffer. All requests of one delivery are looked at together, those
 * that the device answers at once are answered at once, and their replies leave together. What has to wait, for memory or for a
 * client that does not read, waits in the admission, and meanwhile the channel is paused.
 */
import { type BlockDevice, type ByteChannel, type ByteSink, ProtocolError, TimeoutError } from '@nbdjs/interfaces';
import { Command } from '@nbdjs/protocol';
import type { MonitoredClient } from '../admission/client-monitor.ts';
import type { ServerContext } from '../server-context.ts';
import type { CutOffReason } from '../statistics/client-counts.ts';
import { assemble, type TransmissionOptions, type TransmissionRooms } from './assembly.ts';
import { type Phase, type PhaseEvent, phaseAfter, phases } from './phase.ts';
import type { RequestTaker } from './request-intake.ts';
import type { RunnerEvents } from './request-runner.ts';
import type { ServerRequest } from './server-request.ts';
import type { ClientSample } from './stall-detector.ts';

/** Replies leave as soon as there are so many bytes of them. */
const flushBytes = 128 * 1024;

export class Transmission implements ByteSink, RequestTaker, RunnerEvents, MonitoredClient {
  readonly #channel: ByteChannel;
  readonly #device: BlockDevice;
  readonly #context: ServerContext;
  readonly #account: TransmissionRooms['account'];
  readonly #memory: TransmissionRooms['memory'];
  readonly #intake: TransmissionRooms['intake'];
  readonly #decoder: TransmissionRooms['decoder'];
  readonly #admission: TransmissionRooms['admission'];
  readonly #runner: TransmissionRooms['runner'];
  readonly #output: TransmissionRooms['output'];
  readonly #stalls: TransmissionRooms['stalls'];
  readonly #flushTask = (): void => this.#flushLater();
  /** A delivery or the queue is worked on; the replies leave at its end. */
  #isBusy = false;
  #isFlushScheduled = false;
  #isPaused = false;
  #receivedBytes = 0;
  #drainCount = 0;
  #cancelClose: (() => void) | undefined;
  #settleIdle!: () => void;
  phase: Phase = phases.open;
  /** Settles when the client is gone and the device works on no request of it any more. */
  readonly idle: Promise<void>;

  constructor(options: TransmissionOptions, context: ServerContext) {
    this.#channel = options.channel;
    this.#device = options.device;
    this.#context = context;
    const rooms = assemble(options, context, this, () => this.#resumeQueue());
    this.#account = rooms.account;
    this.#memory = rooms.memory;
    this.#intake = rooms.intake;
    this.#decoder = rooms.decoder;
    this.#admission = rooms.admission;
    this.#runner = rooms.runner;
    this.#output = rooms.output;
    this.#stalls = rooms.stalls;
    context.monitor.enter(this);
    this.idle = new Promise((resolve) => {
      this.#settleIdle = resolve;
    });
  }

  get requestsInFlight(): number {
    return this.#admission.inFlight + this.#admission.waitingCount;
  }

  /** All requests are answered, and the client has read all answers. */
  get isAtRest(): boolean {
    return !this.#isSending && this.#output.unsentBytes === 0 && this.requestsInFlight === 0;
  }

  /** The client has begun a request, and it is its turn to go on. */
  get #isSending(): boolean {
    return !this.#isPaused && !this.#decoder.isBetweenRequests;
  }

  /** Finishes what is under way, answers further requests with ESHUTDOWN, then ends the connection (S66). */
  shutDown(): void {
    this.#change('shut down');
    this.#endIfDrained();
  }

  // The channel's end: `ByteSink`.

  writable(): Uint8Array {
    return this.#decoder.writable();
  }

  advance(byteCount: number): void {
    const { busyPoll } = this.#context;
    this.#receivedBytes += byteCount;
    busyPoll.heard();
    this.#deliver(() => this.#decoder.advance(byteCount));
    busyPoll.quiet();
  }

  drained(): void {
    this.#drainCount++;
    this.#output.drained();
    this.#resumeQueue();
  }

  ended(cause?: Error): void {
    this.#change('leave');
    if (cause !== undefined) {
      this.#release();
      this.#channel.destroy(cause);
    } else {
      // A client that only stops sending still gets its answers.
      this.#endIfDrained();
    }
  }

  /** The channel has come to its end, in whatever way. */
  closed(): void {
    this.#release();
  }

  // The requests' way: intake, admission, runner.

  /** Has bytes decoded, and sends the replies to the requests that were answered at once. */
  #deliver(decode: () => void): void {
    const wasBusy = this.#isBusy;
    this.#isBusy = true;
    this.#admission.startTurn();
    try {
      decode();
    } catch (error) {
      if (error instanceof ProtocolError) this.#report('violation', error);
      throw error;
    } finally {
      this.#isBusy = wasBusy;
      this.#flush();
    }
    this.#admission.assertConsistent();
  }

  accept(request: ServerRequest): void {
    if (request.type === Command.Disconnect) {
      this.#change('leave');
      this.#endIfDrained();
      return;
    }
    if (this.#admission.offer(request)) this.#runner.run(request);
    this.#updateBackPressure();
  }

  noteFull(): void {
    this.#updateBackPressure();
  }

  finished(request: ServerRequest): void {
    this.#admission.finished(request);
    this.#memory.release(request);
    if (this.#output.pendingBytes >= flushBytes) this.#output.flush();
    if (this.#admission.waitingCount > 0) this.#resumeQueue();
    if (this.phase === phases.closed) this.#settleIfIdle();
    else if (this.phase.endsWhenDrained) this.#endIfDrained();
  }

  finishedLater(): void {
    if (this.#isFlushScheduled || this.#isBusy) return;
    this.#isFlushScheduled = true;
    this.#context.nextTurn(this.#flushTask);
  }

  /** Begins requests that have waited, as far as there is room. */
  #resumeQueue(): void {
    if (this.#isBusy || this.phase === phases.closed) return;
    this.#isBusy = true;
    this.#admission.startTurn();
    for (let next = this.#admission.next(); next !== undefined; next = this.#admission.next()) this.#runner.run(next);
    this.#isBusy = false;
    this.#resumePayload();
    this.#flush();
    this.#endIfDrained();
  }

  /** Goes on with a payload that has waited for memory. */
  #resumePayload(): void {
    const target = this.#intake.resumePayload();
    if (target === undefined) return;
    try {
      this.#deliver(() => this.#decoder.resumePayload(target));
    } catch (error) {
      this.#channel.destroy(error as Error);
    }
  }

  #flush(): void {
    this.#output.flush();
    this.#updateBackPressure();
  }

  #flushLater(): void {
    this.#isFlushScheduled = false;
    this.#flush();
    this.#endIfDrained();
  }

  /** Reads on only while there is room for what arrives. */
  #updateBackPressure(): void {
    const isFull = this.#intake.awaitsMemory || this.#admission.isFull;
    const mustPause = isFull && this.phase !== phases.closed;
    if (mustPause === this.#isPaused) return;
    this.#isPaused = mustPause;
    this.#channel.pause(mustPause);
  }

  // The client's way out.

  /** Checks whether the client has been without progress for longer than it may. */
  sample(now: number, isMemoryShort: boolean, isPlaceWanted: boolean): void {
    if (this.phase === phases.closed) return;
    const { unsentBytes, sentBytes } = this.#output;
    const sample: ClientSample = {
      isSending: this.#isSending,
      receivedBytes: this.#receivedBytes,
      requestCount: this.#intake.requestCount,
      unsentBytes,
      readBytes: sentBytes - (this.#channel.queuedBytes ?? unsentBytes),
      drainCount: this.#drainCount,
      isIdle: this.isAtRest && this.phase.hears,
      heldBytes: this.#account.usedBytes,
      isMemoryShort,
      isPlaceWanted,
    };
    const verdict = this.#stalls.judge(now, sample);
    if (verdict === undefined) return;
    const error = new TimeoutError('stall', verdict.message);
    this.#report(verdict.reason, error);
    if (verdict.reason === 'idle') {
      this.#change('leave');
      this.#endIfDrained();
    } else {
      this.#channel.destroy(error);
    }
  }

  #change(event: PhaseEvent): void {
    this.phase = phaseAfter(this.phase, event);
  }

  /** Ends the connection when that is due and no request waits or is under way (S52). */
  #endIfDrained(): void {
    if (!this.phase.endsWhenDrained || this.requestsInFlight > 0) return;
    this.#change('drained');
    const { clock, settings } = this.#context;
    this.#output.flush();
    this.#channel.end();
    this.#cancelClose = clock.schedule(settings.closeMs, () => this.#channel.destroy());
    void this.#channel.closed.then(() => this.#release());
  }

  /** The client is gone: requests that wait are dropped, and the replies of those under way are not sent. */
  #release(): void {
    if (this.phase === phases.closed) return;
    this.#change('gone');
    this.#context.users.leave(this.#device);
    this.#context.monitor.leave(this);
    this.#cancelClose?.();
    this.#account.stopWaiting();
    this.#intake.drop();
    for (const request of this.#admission.drop()) this.#memory.release(request);
    this.#output.end();
    this.#settleIfIdle();
  }

  #settleIfIdle(): void {
    if (this.#admission.inFlight > 0) return;
    this.#account.close();
    this.#settleIdle();
  }

  #report(reason: CutOffReason, error: Error): void {
    const { counts, trace } = this.#context;
    counts.cutOff[reason]++;
    if (trace.enabled) trace.emit('cut-off', { peer: this.#channel.peer, reason, message: error.message, error });
  }
}
