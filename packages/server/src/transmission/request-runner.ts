/** Carries out requests, and turns results and errors into replies. */
import type { Trace } from '@nbdjs/interfaces';
import type { ServerEvents } from '../events.ts';
import type { CommandContext } from './commands/command-context.ts';
import { execute } from './commands/execute.ts';
import { deviceFailure, type Failure } from './failure.ts';
import type { ServerRequest } from './server-request.ts';

export interface RunnerEvents {
  /** The reply of a request is written. Called once for every request that was run. */
  finished(request: ServerRequest): void;
  /** The last call of `finished` did not come in the turn of `run`. */
  finishedLater(): void;
}

export class RequestRunner {
  readonly #context: CommandContext;
  readonly #trace: Trace<ServerEvents>;
  readonly #events: RunnerEvents;

  constructor(context: CommandContext, trace: Trace<ServerEvents>, events: RunnerEvents) {
    this.#context = context;
    this.#trace = trace;
    this.#events = events;
  }

  run(request: ServerRequest): void {
    if (request.failure !== undefined) {
      this.#fail(request, request.failure);
      return;
    }
    try {
      const work = execute(this.#context, request);
      if (work === undefined) this.#finish(request);
      else void this.#await(request, work);
    } catch (error) {
      this.#fail(request, deviceFailure(request, error, this.#trace));
    }
  }

  async #await(request: ServerRequest, work: Promise<void>): Promise<void> {
    try {
      await work;
      this.#finish(request);
    } catch (error) {
      this.#fail(request, deviceFailure(request, error, this.#trace));
    }
    this.#events.finishedLater();
  }

  #fail(request: ServerRequest, failure: Failure): void {
    const { statistics, writer } = this.#context;
    statistics.failedRequests += 1;
    writer.fail(request, failure);
    this.#finish(request);
  }

  #finish(request: ServerRequest): void {
    this.#context.statistics.requests += 1;
    this.#events.finished(request);
  }
}
