/** One negotiated connection: requests out in batches, replies in, each to its owner. */
import {
  type ByteSink,
  CommandError,
  type Defer,
  type Established,
  type ExportFacts,
  ProtocolError,
  type Trace,
} from '@nbdjs/interfaces';
import {
  ChunkType,
  Command,
  chunkErrorBit,
  chunkTypes,
  commands,
  isKnownWireError,
  printableBytes,
  ReplyDecoder,
  type ReplyHandler,
  WireError,
  wireErrorCode,
} from '@nbdjs/protocol';
import { Batch } from './batch.ts';
import { cover, requireFullCoverage } from './coverage.ts';
import { SlotTable } from './slot-table.ts';
import { Task } from './task.ts';

export interface WireOptions {
  readonly defer: Defer;
  readonly trace: Trace;
  readonly requestsInFlightMax: number;
  readonly bytesInFlightMax: number;
}

/** What the owner of a wire wants to know. */
export interface WireEvents {
  /** Requests have been settled, so that others may take their place. */
  room(): void;
  /**
   * The connection is gone, with these requests unanswered; `sentBatch` tells which of them the channel had let go of.
   * A `ProtocolError` as cause means that the server broke the rules.
   */
  lost(cause: Error | undefined, tasks: readonly Task[], sentBatch: number): void;
}

/** Counts of one or several connections. */
export interface WireStatistics {
  bytesSent: number;
  bytesReceived: number;
  requestsSent: number;
  repliesReceived: number;
  chunksReceived: number;
}

export class Wire implements ByteSink, ReplyHandler {
  readonly facts: ExportFacts;
  readonly #channel: Established['channel'];
  readonly #events: WireEvents;
  readonly #options: WireOptions;
  readonly #statistics: WireStatistics;
  readonly #decoder: ReplyDecoder;
  readonly #slots = new SlotTable();
  readonly #batch: Batch;
  readonly #flush = (): void => this.#sendBatch();
  #bytesInFlight = 0;
  /** Number of the batch that is gathering. */
  #batchNumber = 1;
  /** The last batch that the channel has let go of. */
  #sentBatch = 0;
  #isFlushScheduled = false;
  /** Blocks that the channel still reads from. While it does, nothing more is sent. */
  #heldBlocks: readonly unknown[] | undefined;
  /** Requests that were abandoned while the channel was still reading their source. */
  #abandonedWhileSending: { readonly task: Task; readonly reason: unknown }[] = [];
  /** The request that the chunk (or simple reply) under way belongs to. */
  #current: Task | undefined;
  #currentPosition = 0;
  #currentLength = 0;
  #hasSettled = false;
  #isRetiring = false;
  #isOver = false;

  constructor(
    { channel, facts, excess }: Established,
    events: WireEvents,
    statistics: WireStatistics,
    options: WireOptions,
  ) {
    this.facts = facts;
    this.#channel = channel;
    this.#events = events;
    this.#options = options;
    this.#statistics = statistics;
    this.#batch = new Batch(facts.mode === 'extended');
    this.#decoder = new ReplyDecoder(this, { mode: facts.mode });
    channel.open(this);
    if (excess.length > 0) this.#feed(excess);
  }

  get inFlightCount(): number {
    return this.#slots.count;
  }

  /** Whether a request may go out now, within the limits. One that is larger than all limits goes alone. */
  canTake(payloadBytes: number): boolean {
    if (this.#isRetiring || this.#isOver) return false;
    if (this.#slots.count === 0) return true;
    const { requestsInFlightMax, bytesInFlightMax } = this.#options;
    return this.#slots.count < requestsInFlightMax && this.#bytesInFlight + payloadBytes <= bytesInFlightMax;
  }

  /** Puts a request into the batch that leaves when the code that is running, and all it woke, has run. */
  issue(task: Task): void {
    task.prepare?.(this.facts);
    this.#slots.put(task);
    this.#bytesInFlight += task.payloadBytes;
    task.batch = this.#batchNumber;
    this.#batch.add(task, this.#slots.uses(task.slot));
    this.#statistics.requestsSent++;
    if (this.#options.trace.enabled) this.#traceRequest(task);
    this.#scheduleFlush();
  }

  /**
   * Frees the caller of a request in flight: its promise rejects at once, its reply will be awaited and dropped, and
   * no byte lands in its memory any more. A source that the channel is still reading delays the rejection until it is not.
   */
  abandon(task: Task, reason: unknown): void {
    task.isAbandoned = true;
    task.status = undefined;
    task.onChunk = undefined;
    if (task.target !== undefined) {
      this.#decoder.discardPayload(task.target);
      task.target = undefined;
    }
    if (task.source !== undefined && task.batch > this.#sentBatch) this.#abandonedWhileSending.push({ task, reason });
    else task.reject(reason);
  }

  /** No more requests; when the last one is answered, the server is told, and the channel ends. */
  retire(): void {
    this.#isRetiring = true;
    if (this.#slots.count > 0 || this.#isOver) return;
    // A request that expects no answer; what comes now is the end.
    const farewell = new Task(Command.Disconnect, 0, 0, 0, 0, 0, undefined, undefined, undefined);
    this.#slots.put(farewell);
    this.#batch.add(farewell, this.#slots.uses(farewell.slot));
    this.#slots.remove(farewell);
    this.#sendBatch();
    this.#channel.end();
  }

  destroy(cause?: Error): void {
    this.#over(cause);
    this.#channel.destroy(cause);
  }

  // ByteSink

  writable(): Uint8Array {
    return this.#decoder.writable();
  }

  advance(byteCount: number): void {
    if (this.#isOver) return;
    this.#statistics.bytesReceived += byteCount;
    try {
      this.#decoder.advance(byteCount);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (!this.#hasSettled) return;
    this.#hasSettled = false;
    this.#events.room();
    if (this.#isRetiring) this.retire();
  }

  drained(): void {
    if (this.#heldBlocks === undefined) return;
    this.#batch.reuse(this.#heldBlocks);
    this.#heldBlocks = undefined;
    this.#allSent();
    if (!this.#batch.isEmpty) this.#sendBatch();
  }

  ended(cause?: Error): void {
    const isCut = cause === undefined && !this.#decoder.isBetweenReplies;
    this.#over(isCut ? new Error('the server closed the connection in the middle of a reply') : cause);
    this.#channel.destroy();
  }

  // ReplyHandler

  simpleReply(cookieHigh: number, cookieLow: number, error: number): Uint8Array | undefined {
    const task = this.#find(cookieHigh, cookieLow);
    this.#statistics.chunksReceived++;
    if (this.facts.mode !== 'simple' && (task.command === Command.Read || task.hasChunk)) {
      throw violation(
        'simple-reply',
        `the reply to ${describe(task)} is a simple one, although structured replies are in use`,
        'C56',
      );
    }
    if (error !== 0) {
      task.error = error;
      this.#settle(task);
      return undefined;
    }
    if (task.command === Command.BlockStatus) {
      throw violation('missing-status', `the reply to ${describe(task)} has no content`, 'S62');
    }
    if (task.command !== Command.Read || task.lengthLow === 0) {
      this.#settle(task);
      return undefined;
    }
    this.#current = task;
    if (task.signal !== undefined) this.#decoder.stagePayload();
    return task.target ?? new Uint8Array(task.lengthLow);
  }

  simplePayload(): void {
    const task = this.#current as Task;
    this.#current = undefined;
    if (task.onChunk !== undefined) task.onChunk({ type: 'data', position: 0, length: task.lengthLow });
    this.#settle(task);
  }

  chunk(cookieHigh: number, cookieLow: number, type: number, offsetHigh: number, offsetLow: number): void {
    const task = this.#find(cookieHigh, cookieLow);
    this.#statistics.chunksReceived++;
    this.#current = task;
    task.hasChunk = true;
    if (this.facts.mode === 'extended' && (offsetHigh !== task.offsetHigh || offsetLow !== task.offsetLow)) {
      throw violation('reply-offset', `the reply to ${describe(task)} names another offset`, 'C68');
    }
    const fits =
      type === ChunkType.None ||
      (type & chunkErrorBit) !== 0 ||
      type === ChunkType.OffsetData ||
      type === ChunkType.OffsetHole
        ? task.command === Command.Read || (type !== ChunkType.OffsetData && type !== ChunkType.OffsetHole)
        : task.command === Command.BlockStatus;
    if (!fits)
      throw violation(
        'unfit-chunk',
        `the reply to ${describe(task)} has a chunk of type ${chunkTypes.name(type)}`,
        'C51',
      );
  }

  data(offsetHigh: number, offsetLow: number, length: number): Uint8Array | undefined {
    const task = this.#current as Task;
    const position = cover(task, offsetHigh, offsetLow, length);
    this.#currentPosition = position;
    this.#currentLength = length;
    const { target } = task;
    if (target === undefined) return undefined;
    if (task.signal !== undefined) this.#decoder.stagePayload();
    return length === target.length ? target : target.subarray(position, position + length);
  }

  hole(offsetHigh: number, offsetLow: number, length: number): void {
    const task = this.#current as Task;
    const position = cover(task, offsetHigh, offsetLow, length);
    task.target?.fill(0, position, position + length);
    task.onChunk?.({ type: 'hole', position, length });
  }

  blockStatus(contextId: number, count: number): void {
    this.#current?.status?.begin(contextId, count);
  }

  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void {
    this.#current?.status?.extent(lengthHigh, lengthLow, statusHigh, statusLow);
  }

  error(error: number, text: Uint8Array): void {
    const task = this.#current as Task;
    if (task.error !== 0) return;
    task.error = error;
    task.errorText = printableBytes(text);
  }

  chunkEnd(isDone: boolean): void {
    const task = this.#current as Task;
    this.#current = undefined;
    if (this.#currentLength > 0) {
      const length = this.#currentLength;
      this.#currentLength = 0;
      task.onChunk?.({ type: 'data', position: this.#currentPosition, length });
    }
    if (!isDone) return;
    if (task.error === 0) {
      if (task.command === Command.Read) requireFullCoverage(task);
      else task.status?.end();
    }
    this.#settle(task);
  }

  #find(cookieHigh: number, cookieLow: number): Task {
    const task = this.#slots.find(cookieHigh, cookieLow);
    if (task !== undefined) return task;
    throw violation(
      'unexpected-cookie',
      `a reply has the cookie ${hex(cookieHigh)}${hex(cookieLow)}, which belongs to no request`,
      'C40',
    );
  }

  #settle(task: Task): void {
    this.#slots.remove(task);
    this.#bytesInFlight -= task.payloadBytes;
    this.#statistics.repliesReceived++;
    this.#hasSettled = true;
    if (this.#options.trace.enabled) this.#traceReply(task);
    // C58: the server is going away; what is under way may still be answered, what comes next goes elsewhere.
    if (task.error === WireError.Eshutdown) this.#isRetiring = true;
    release(task);
    if (task.isAbandoned) return;
    if (task.error === 0) task.resolve();
    else task.reject(commandError(task));
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#options.defer(this.#flush);
  }

  #sendBatch(): void {
    this.#isFlushScheduled = false;
    if (this.#heldBlocks !== undefined || this.#batch.isEmpty || this.#isOver) return;
    const { chunks, blocks, byteCount } = this.#batch.take();
    this.#statistics.bytesSent += byteCount;
    this.#batchNumber++;
    if (this.#channel.send(chunks)) {
      this.#batch.reuse(blocks);
      this.#allSent();
    } else {
      this.#heldBlocks = blocks;
    }
  }

  #allSent(): void {
    this.#sentBatch = this.#batchNumber - 1;
    if (this.#abandonedWhileSending.length === 0) return;
    this.#abandonedWhileSending = this.#abandonedWhileSending.filter(({ task, reason }) => {
      if (task.batch > this.#sentBatch) return true;
      task.reject(reason);
      return false;
    });
  }

  /** Takes bytes that came with the handshake. */
  #feed(bytes: Uint8Array): void {
    for (let position = 0; position < bytes.length && !this.#isOver; ) {
      const target = this.writable();
      const byteCount = Math.min(target.length, bytes.length - position);
      target.set(bytes.subarray(position, position + byteCount));
      position += byteCount;
      this.advance(byteCount);
    }
  }

  #over(cause: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { task, reason } of this.#abandonedWhileSending) task.reject(reason);
    this.#abandonedWhileSending = [];
    const tasks = this.#slots.clear();
    for (const task of tasks) release(task);
    this.#events.lost(
      cause,
      tasks.filter((task) => !task.isAbandoned),
      this.#sentBatch,
    );
  }

  #traceRequest(task: Task): void {
    this.#options.trace.emit('request', {
      command: commands.name(task.command),
      flags: task.flags,
      offset: task.offset,
      length: task.length,
      cookie: `${hex(this.#slots.uses(task.slot))}${hex(task.slot)}`,
    });
  }

  #traceReply(task: Task): void {
    const name = commands.name(task.command);
    this.#options.trace.emit('reply', { command: name, offset: task.offset, length: task.length, error: task.error });
  }
}

/** Takes the request off its signal. */
function release(task: Task): void {
  if (task.onAbort === undefined) return;
  task.signal?.removeEventListener('abort', task.onAbort);
  task.onAbort = undefined;
}

function commandError(task: Task): CommandError {
  const code = wireErrorCode(task.error);
  const number = isKnownWireError(task.error) ? '' : ` (unknown error ${task.error})`;
  const text = task.errorText === undefined || task.errorText === '' ? '' : `; server reported: ${task.errorText}`;
  return new CommandError(code, `${describe(task)} failed: ${code}${number}${text}`, {
    command: commands.name(task.command),
    offset: task.offset,
    length: task.length,
    serverText: task.errorText,
    wireNumber: number === '' ? undefined : task.error,
  });
}

/** A request in words: `READ of 4096 bytes at 8192`. */
export function describe(task: Task): string {
  const name = commands.name(task.command);
  if (task.command === Command.Flush || task.command === Command.Disconnect) return name;
  return `${name} of ${task.length} bytes at ${task.offset}`;
}

function violation(name: string, message: string, rule: string): ProtocolError {
  return new ProtocolError(name, message, { phase: 'transmission', rule });
}

function hex(number: number): string {
  return number.toString(16).padStart(8, '0');
}
