/** Sends the requests of a recording to a server, and compares the answers. */
import { TimeoutError } from '@nbdjs/interfaces';
import { toError, wait } from '@nbdjs/kit';
import { Command, commands } from '@nbdjs/protocol';
import type { Request } from '../decoding/requests-in-flight.ts';
import type { ReadEntry } from '../recording/entry.ts';
import { MessageCollector, type TracedMessage } from '../trace/traced-message.ts';
import { AnswerBuilder } from './answer.ts';
import { compareAnswers } from './compare-answers.ts';
import { type ReplayOptions, replayOptions } from './options.ts';
import { PayloadKeeper } from './payload-keeper.ts';
import { RecordedNegotiation } from './recorded-negotiation.ts';
import { type ReplayedAnswer, ReplaySession } from './replay-session.ts';
import type { ReplayDifference, ReplayReport, SkippedRequests } from './report.ts';

/**
 * Sends the requests of a recording to a server, in the recorded order, and compares what it answers: errors, data, and extents. How
 * answers are cut into chunks does not matter. Requests that were in flight at the same time are so again.
 *
 * @param entries As `readRecording` or `readRecordingFile` give them.
 * @throws UsageError for an option that is wrong, what `connect` and the entries throw, or the signal's reason.
 */
export async function replayRecording(
  entries: AsyncIterable<ReadEntry>,
  options: ReplayOptions,
): Promise<ReplayReport> {
  return await new Replay(options).run(entries);
}

/** A request that was sent, and what the recording says about its answer. */
interface Asked {
  readonly time: number;
  readonly recorded: AnswerBuilder;
  readonly answer: Promise<ReplayedAnswer>;
}

/** A connection of the recording. */
interface Connection {
  readonly negotiation: RecordedNegotiation;
  session: ReplaySession | undefined;
  isLost: boolean;
  readonly asked: Map<Request, Asked>;
}

/** Commands that change nothing. */
const harmless: ReadonlySet<number> = new Set([Command.Read, Command.Flush, Command.Cache, Command.BlockStatus]);
const withData: ReadonlySet<number> = new Set([Command.Read, Command.Write]);
/** Commands that have a name are understood. */
const commandMax = Command.BlockStatus;

class Replay {
  readonly #settings: ReturnType<typeof replayOptions.resolve>;
  readonly #connections = new Map<number, Connection>();
  readonly #payloads: PayloadKeeper;
  #requests = 0;
  #compared = 0;
  #differences = 0;
  #unanswered = 0;
  readonly #skipped: SkippedRequests = { writes: 0, payload: 0, length: 0, others: 0, lost: 0 };
  #bytesInFlight = 0;
  /** When the first request was sent, and when that was in the recording, in milliseconds. */
  #start: { readonly nowMs: number; readonly recordedMs: number } | undefined;

  constructor(options: ReplayOptions) {
    this.#settings = replayOptions.resolve('replayRecording', options);
    this.#payloads = new PayloadKeeper(this.#settings.lengthMax);
  }

  async run(entries: AsyncIterable<ReadEntry>): Promise<ReplayReport> {
    const complete: TracedMessage[] = [];
    const collector = new MessageCollector((message) => complete.push(message));
    const { connections, signal } = this.#settings;
    try {
      for await (const entry of entries) {
        signal?.throwIfAborted();
        if ('connection' in entry && connections?.includes(entry.connection) === false) continue;
        this.#payloads.add(entry);
        collector.add(entry);
        for (const message of complete.splice(0)) await this.#take(message);
        if (entry.type === 'close') await this.#close(entry.connection);
      }
      for (const connection of [...this.#connections.keys()]) await this.#close(connection);
    } finally {
      for (const { session } of this.#connections.values()) session?.destroy();
    }
    return {
      requests: this.#requests,
      compared: this.#compared,
      differences: this.#differences,
      unanswered: this.#unanswered,
      skipped: this.#skipped,
    };
  }

  async #take(traced: TracedMessage): Promise<void> {
    const { frame, connection: number, payloadBytes } = traced;
    const connection = this.#of(number);
    const bytes = this.#payloads.take(number, frame.side, payloadBytes);
    const { request, kind } = frame;
    if (kind === 'request' && request !== undefined) {
      if (request.command === Command.Disconnect) return;
      const reason = connection.isLost ? 'lost' : this.#reasonToSkip(traced, request, bytes);
      if (reason !== undefined) this.#skipped[reason]++;
      else await this.#ask(connection, traced, request, bytes);
    } else if (request !== undefined) await this.#compare(connection, traced, request, bytes);
    else connection.negotiation.take(traced);
  }

  #reasonToSkip(
    { message }: TracedMessage,
    { command, length }: Request,
    bytes: Uint8Array | undefined,
  ): keyof SkippedRequests | undefined {
    const { destructive, lengthMax, bytesMax } = this.#settings;
    if (command > commandMax || message.contextIds !== undefined || message.note !== undefined) return 'others';
    if (!destructive && !harmless.has(command)) return 'writes';
    if (withData.has(command) && length > BigInt(Math.min(lengthMax, bytesMax - this.#bytesInFlight))) return 'length';
    return command === Command.Write && bytes === undefined && length > 0n ? 'payload' : undefined;
  }

  async #ask(
    connection: Connection,
    traced: TracedMessage,
    request: Request,
    bytes: Uint8Array | undefined,
  ): Promise<void> {
    if (connection.session === undefined) {
      connection.negotiation.take(traced);
      connection.session = new ReplaySession(await this.#settings.connect(connection.negotiation.wish));
    }
    const { session } = connection;
    if (!session.canSend(request)) {
      this.#skipped.length++;
      return;
    }
    await this.#pace(traced.time / 1000);
    this.#requests++;
    const { time } = traced;
    try {
      const { answer } = await this.#limited(
        session.send(request, request.command === Command.Write ? bytes : undefined),
      );
      connection.asked.set(request, { time, recorded: new AnswerBuilder(request), answer });
      this.#bytesInFlight += dataBytesOf(request);
    } catch (error) {
      this.#lose(connection, traced.connection, time, request, error);
    }
  }

  async #compare(
    connection: Connection,
    { frame, message, payloadBytes, sha256, connection: number }: TracedMessage,
    request: Request,
    bytes: Uint8Array | undefined,
  ): Promise<void> {
    const asked = connection.asked.get(request);
    if (asked === undefined) return;
    const { recorded, answer, time } = asked;
    recorded.add(message, { payloadBytes, bytes, sha256 });
    if (frame.kind !== 'simple-reply' && message.done !== true) return;
    this.#forget(connection, request);
    try {
      const now = await this.#limited(answer);
      this.#compared++;
      const difference = compareAnswers(request, recorded, now.answer, now.data, this.#settings.createHash);
      if (difference !== undefined) this.#report(number, time, request, difference);
    } catch (error) {
      this.#lose(connection, number, time, request, error);
    }
  }

  /** Waits until a request is due. */
  async #pace(recordedMs: number): Promise<void> {
    const { speed, clock, signal } = this.#settings;
    if (speed === undefined) return;
    this.#start ??= { nowMs: clock.now(), recordedMs };
    const dueMs = this.#start.nowMs + (recordedMs - this.#start.recordedMs) / speed;
    if (dueMs > clock.now()) await wait(clock, dueMs - clock.now(), { signal });
  }

  async #limited<Result>(work: Promise<Result>): Promise<Result> {
    const { clock, timeoutMs, signal } = this.#settings;
    const done = new AbortController();
    const stop = (): void => done.abort(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    const limit = wait(clock, timeoutMs, { signal: done.signal }).then((): never => {
      throw new TimeoutError('request', `there is no answer after ${timeoutMs / 1000} s`);
    });
    limit.catch(() => {});
    try {
      return await Promise.race([work, limit]);
    } finally {
      signal?.removeEventListener('abort', stop);
      done.abort(signal?.reason);
    }
  }

  #lose(connection: Connection, number: number, time: number, request: Request, error: unknown): void {
    this.#settings.signal?.throwIfAborted();
    connection.isLost = true;
    connection.session?.destroy();
    for (const asked of [...connection.asked.keys()]) this.#forget(connection, asked);
    this.#report(number, time, request, { what: toError(error).message });
  }

  #report(
    connection: number,
    time: number,
    request: Request,
    difference: Omit<ReplayDifference, 'time' | 'connection' | 'request' | 'command'>,
  ): void {
    this.#differences++;
    this.#settings.onDifference?.({
      time,
      connection,
      request,
      command: commands.name(request.command),
      ...difference,
    });
  }

  #forget(connection: Connection, request: Request): void {
    if (connection.asked.delete(request)) this.#bytesInFlight -= dataBytesOf(request);
  }

  /** Ends a connection, when all that was sent is answered. */
  async #close(number: number): Promise<void> {
    const connection = this.#connections.get(number);
    this.#connections.delete(number);
    if (connection?.session === undefined) return;
    this.#unanswered += connection.asked.size;
    const answers = [...connection.asked.values()].map(({ answer }) => answer);
    for (const request of [...connection.asked.keys()]) this.#forget(connection, request);
    try {
      await this.#limited(Promise.allSettled(answers));
      await this.#limited(connection.session.close());
    } catch {
      connection.session.destroy();
      this.#settings.signal?.throwIfAborted();
    }
  }

  #of(number: number): Connection {
    const known = this.#connections.get(number);
    if (known !== undefined) return known;
    const made = { negotiation: new RecordedNegotiation(), session: undefined, isLost: false, asked: new Map() };
    this.#connections.set(number, made);
    return made;
  }
}

function dataBytesOf({ command, length }: Request): number {
  return withData.has(command) ? Number(length) : 0;
}
