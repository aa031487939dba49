/** Many requests over one connection at a time: the `BlockDevice` that a remote export is. */
import {
  type Abilities,
  type Abortable,
  type BlockDevice,
  type BlockStatusOptions,
  type Clock,
  ConnectionLostError,
  type Connector,
  type Defer,
  type Established,
  type ExportFacts,
  fromErrorRecord,
  type Geometry,
  limits,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  silent,
  type Trace,
  toErrorRecord,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { Command, CommandFlag, encodeBlockStatusPayload, TransmissionFlag } from '@nbdjs/protocol';
import { AlignedAccess, type BlockAccess } from './aligned-access.ts';
import { StatusCollector } from './block-status.ts';
import { abilitiesOf, geometryOf } from './export-traits.ts';
import { Link, type LinkState } from './link.ts';
import { type StrictChecks, strictDefaults } from './strict.ts';
import { Task } from './task.ts';
import { TaskQueue } from './task-queue.ts';
import { describe, Wire, type WireStatistics } from './wire.ts';

export interface MultiplexerOptions {
  /** Where connections come from. */
  readonly connector: Connector;
  readonly clock: Clock;
  /** When requests that were issued together leave together. */
  readonly defer: Defer;
  readonly trace?: Trace | undefined;
  /** Checks that are to be off: for trying out servers. @default all on */
  readonly strict?: Partial<StrictChecks> | undefined;
  /** How long requests wait for a new connection after a loss. @default 0: they fail */
  readonly reconnectDelayMs?: number | undefined;
  /** How long `open` goes on trying. @default 0: one attempt */
  readonly openTimeoutMs?: number | undefined;
  /** @default 1024 */
  readonly requestsInFlightMax?: number | undefined;
  /** Payload bytes, both ways. @default 64 MiB */
  readonly bytesInFlightMax?: number | undefined;
  /** How long `close` waits for the server to end the connection. @default 10000 */
  readonly closeMs?: number | undefined;
}

/** Counts since the multiplexer was made, over all its connections. */
export type Statistics = Readonly<WireStatistics>;

/** A remote export. Offsets and lengths may be up to 2^63 - 1. */
export interface Multiplexer extends BlockDevice, AsyncDisposable {
  /**
   * Makes the first connection; nothing else may be asked before.
   *
   * @throws what the connector throws, or TimeoutError of phase `open`.
   */
  open(options?: Abortable): Promise<ExportFacts>;
  readonly facts: ExportFacts;
  readonly state: LinkState;
  readonly statistics: Statistics;
  /** Settles when the multiplexer is closed, with the error that closed it, if any. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Ends everything now; requests that are under way fail. */
  destroy(cause?: Error): void;
}

/** Ranges of one call that are under way at a time when it had to be split. */
const partsInFlightMax = 16;

/** Compact headers have 32 bits for a length; this much fits with any block size. */
const compactLengthMax = 2 ** 32 - 64 * 1024;

/** Fills a promise's ends into variables, so that making one costs no closure. */
let resolveLast: () => void;
let rejectLast: (error: unknown) => void;
const capture = (resolve: () => void, reject: (error: unknown) => void): void => {
  resolveLast = resolve;
  rejectLast = reject;
};

export function createMultiplexer(options: MultiplexerOptions): Multiplexer {
  return new ConnectionMultiplexer(options);
}

class ConnectionMultiplexer implements Multiplexer {
  readonly closed: Promise<Error | undefined>;
  readonly statistics: WireStatistics = {
    bytesSent: 0,
    bytesReceived: 0,
    requestsSent: 0,
    repliesReceived: 0,
    chunksReceived: 0,
  };
  readonly #options: MultiplexerOptions;
  readonly #strict: StrictChecks;
  readonly #link: Link;
  readonly #waiting = new TaskQueue();
  #wire: Wire | undefined;
  #established: Established | undefined;
  #geometry: Geometry | undefined;
  #abilities: Abilities | undefined;
  #aligned: AlignedAccess | undefined;
  /** Numbers up to which the fast paths need no bigint; 0 until opened, so that they are not taken. */
  #fastEnd = -1;
  #fastLengthMax = 0;
  #blockMask = 0;
  #closing: Promise<void> | undefined;
  #settleClosed!: (error: Error | undefined) => void;
  #idle: (() => void) | undefined;

  constructor(options: MultiplexerOptions) {
    this.#options = options;
    this.#strict = { ...strictDefaults, ...options.strict };
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    const { connector, clock, trace = silent, reconnectDelayMs = 0, openTimeoutMs = 0 } = options;
    this.#link = new Link(
      { connector, clock, trace, reconnectDelayMs, openTimeoutMs },
      {
        connected: (established) => this.#connected(established),
        failed: (error) => this.#failWaiting(error),
        closed: (error) => this.#ended(error),
      },
    );
  }

  get state(): LinkState {
    return this.#link.state;
  }

  get facts(): ExportFacts {
    return this.#link.facts ?? notOpen();
  }

  get geometry(): Geometry {
    return this.#geometry ?? notOpen();
  }

  get abilities(): Abilities {
    return this.#abilities ?? notOpen();
  }

  async open(options: Abortable = {}): Promise<ExportFacts> {
    if (this.#link.facts !== undefined) throw new UsageError('ERR_NBD_STATE', 'open was called before');
    return this.#link.open(options.signal);
  }

  read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void> {
    const length = target.length;
    if (options === undefined && typeof offset === 'number' && this.#isPlain(offset, length)) {
      const high = Math.floor(offset / 2 ** 32);
      return this.#submit(new Task(Command.Read, 0, high, offset >>> 0, 0, length, undefined, target, undefined));
    }
    return this.#readRange(offset, target, options);
  }

  write(offset: Offset, source: Uint8Array, options?: WriteOptions): Promise<void> {
    const length = source.length;
    if (
      options === undefined &&
      typeof offset === 'number' &&
      this.#isPlain(offset, length) &&
      this.#aligned === undefined &&
      this.#abilities?.readOnly === false
    ) {
      const high = Math.floor(offset / 2 ** 32);
      return this.#submit(
        new Task(Command.Write, this.#writeFlags(0), high, offset >>> 0, 0, length, source, undefined, undefined),
      );
    }
    return this.#writeRange(offset, source, options);
  }

  async flush(options: Abortable = {}): Promise<void> {
    this.#requireAbility('flush', 'FLUSH');
    await this.#submit(new Task(Command.Flush, 0, 0, 0, 0, 0, undefined, undefined, options.signal));
  }

  async trim(offset: Offset, length: Offset, options: WriteOptions = {}): Promise<void> {
    this.#requireWritable('TRIM');
    this.#requireAbility('trim', 'TRIM');
    const [start, end] = this.#range('TRIM', offset, length);
    if (start === end && this.#strict.zeroSize) return;
    // Part of a block cannot be given up, and need not be.
    const range = this.#aligned === undefined ? ([start, end] as const) : this.#aligned.inside(start, end);
    if (range === undefined) return;
    await this.#plainRange(Command.Trim, this.#fua(options.fua, 'TRIM'), range[0], range[1], options.signal);
  }

  async writeZeroes(offset: Offset, length: Offset, options: WriteZeroesOptions = {}): Promise<void> {
    this.#requireWritable('WRITE_ZEROES');
    this.#requireAbility('writeZeroes', 'WRITE_ZEROES');
    if (options.fastZero === true) this.#requireFlag('fastZero', 'WRITE_ZEROES', 'FAST_ZERO');
    const [start, end] = this.#range('WRITE_ZEROES', offset, length);
    if (start === end && this.#strict.zeroSize) return;
    const fua = this.#fua(options.fua, 'WRITE_ZEROES');
    const flags =
      fua | (options.noHole === true ? CommandFlag.NoHole : 0) | (options.fastZero === true ? CommandFlag.FastZero : 0);
    const zero = (from: bigint, to: bigint): Promise<void> =>
      this.#plainRange(Command.WriteZeroes, flags, from, to, options.signal);
    const aligned = this.#aligned;
    if (aligned === undefined) return zero(start, end);
    if (aligned.fits(start, end)) return aligned.whole(start, end, () => zero(start, end));
    await aligned.change(this.#blocks(fua, options.signal), start, end, (bytes) => bytes.fill(0), zero);
  }

  async cache(offset: Offset, length: Offset, options: Abortable = {}): Promise<void> {
    this.#requireAbility('cache', 'CACHE');
    const [start, end] = this.#range('CACHE', offset, length);
    if (start === end && this.#strict.zeroSize) return;
    const [from, to] = this.#aligned?.around(start, end) ?? [start, end];
    await this.#plainRange(Command.Cache, 0, from, to, options.signal);
  }

  async blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): Promise<readonly MetaContextExtents[]> {
    const { contexts } = this.facts;
    const wanted = options.contexts ?? contexts.map(({ name }) => name);
    const unknown = wanted.find((name) => !contexts.some((context) => context.name === name));
    if (unknown !== undefined || (contexts.length === 0 && this.#strict.commands)) {
      const what = unknown === undefined ? 'no metadata context' : `the metadata context ${unknown}`;
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', `BLOCK_STATUS: ${what} was selected when connecting`);
    }
    const [start, end] = this.#range('BLOCK_STATUS', offset, length);
    if (start === end && this.#strict.zeroSize) throw new UsageError('ERR_NBD_EMPTY', 'BLOCK_STATUS of no bytes');
    const [from, around] = this.#aligned?.around(start, end) ?? [start, end];
    const to = this.#isExtended || around - from <= BigInt(compactLengthMax) ? around : from + BigInt(compactLengthMax);

    const isFiltered =
      wanted.length < contexts.length &&
      wanted.length > 0 &&
      this.#isExtended &&
      this.#has(TransmissionFlag.BlockStatusPayload);
    const flags = options.one === true ? CommandFlag.ReqOne : 0;
    const filterFlag = isFiltered ? this.#autoFlag(CommandFlag.PayloadLen) : 0;
    const task = this.#task(
      Command.BlockStatus,
      flags | filterFlag,
      from,
      to - from,
      undefined,
      undefined,
      options.signal,
    );
    let collector: StatusCollector | undefined;
    task.prepare = (facts) => {
      const asked = isFiltered ? facts.contexts.filter(({ name }) => wanted.includes(name)) : facts.contexts;
      collector = new StatusCollector(asked, from, to - from);
      task.status = collector;
      if (!isFiltered) return;
      task.source = encodeBlockStatusPayload(
        to - from,
        asked.map(({ id }) => id),
      );
      task.lengthHigh = 0;
      task.lengthLow = task.source.length;
    };
    await this.#submit(task);
    const result = (collector as StatusCollector | undefined)?.result(wanted, options.one === true) ?? [];
    return result.map(({ context, extents }) => ({ context, extents: clip(extents, start, end) }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  destroy(cause?: Error): void {
    const wire = this.#wire;
    this.#link.close(cause);
    wire?.destroy(cause);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // Ranges

  async #readRange(offset: Offset, target: Uint8Array, options: ReadOptions = {}): Promise<void> {
    const [start, end] = this.#range('READ', offset, target.length);
    if (start === end && this.#strict.zeroSize) return;
    const flags = options.dontFragment === true ? this.#requireDf() : 0;
    const { signal, onChunk } = options;
    if (this.#aligned !== undefined && !this.#aligned.fits(start, end)) {
      await this.#aligned.read(this.#blocks(0, signal), start, target);
      onChunk?.({ type: 'data', position: 0, length: target.length });
      return;
    }
    await this.#parts(start, end, this.#payloadMax, (from, to) => {
      const position = Number(from - start);
      const part = target.subarray(position, position + Number(to - from));
      const task = this.#task(Command.Read, flags, from, to - from, undefined, part, signal);
      if (onChunk !== undefined) task.onChunk = (chunk) => onChunk({ ...chunk, position: chunk.position + position });
      return this.#submit(task);
    });
  }

  async #writeRange(offset: Offset, source: Uint8Array, options: WriteOptions = {}): Promise<void> {
    this.#requireWritable('WRITE');
    const [start, end] = this.#range('WRITE', offset, source.length);
    if (start === end && this.#strict.zeroSize) return;
    const flags = this.#fua(options.fua, 'WRITE');
    const { signal } = options;
    const place = (from: bigint, to: bigint): Uint8Array => source.subarray(Number(from - start), Number(to - start));
    const blocks = this.#blocks(flags, signal);
    const aligned = this.#aligned;
    if (aligned === undefined) return blocks.write(start, source);
    if (aligned.fits(start, end)) return aligned.whole(start, end, () => blocks.write(start, source));
    await aligned.change(
      blocks,
      start,
      end,
      (bytes, from) => bytes.set(place(from, from + BigInt(bytes.length))),
      (from, to) => blocks.write(from, place(from, to)),
    );
  }

  /** Reads and writes of whole blocks of any length. */
  #blocks(flags: number, signal: AbortSignal | undefined): BlockAccess {
    const each = (start: bigint, bytes: Uint8Array, make: (from: bigint, part: Uint8Array) => Task): Promise<void> =>
      this.#parts(start, start + BigInt(bytes.length), this.#payloadMax, (from, to) =>
        this.#submit(make(from, bytes.subarray(Number(from - start), Number(to - start)))),
      );
    return {
      read: (start, target) =>
        each(start, target, (from, part) =>
          this.#task(Command.Read, 0, from, BigInt(part.length), undefined, part, signal),
        ),
      write: (start, source) =>
        each(start, source, (from, part) =>
          this.#task(Command.Write, this.#writeFlags(flags), from, BigInt(part.length), part, undefined, signal),
        ),
    };
  }

  /** A command without payload on a range of any length. */
  #plainRange(
    command: number,
    flags: number,
    start: bigint,
    end: bigint,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const lengthMax = this.#isExtended ? end - start : BigInt(compactLengthMax);
    return this.#parts(start, end, lengthMax, (from, to) =>
      this.#submit(this.#task(command, flags, from, to - from, undefined, undefined, signal)),
    );
  }

  /**
   * Does a range in parts of at most `lengthMax` bytes, several at a time. When one fails, no further part begins, and the
   * first error is thrown when all that were under way have settled: before, memory may still be in use.
   */
  async #parts(
    start: bigint,
    end: bigint,
    lengthMax: bigint,
    work: (from: bigint, to: bigint) => Promise<void>,
  ): Promise<void> {
    if (end - start <= lengthMax) return work(start, end);
    let position = start;
    let failure: { readonly error: unknown } | undefined;
    const lane = async (): Promise<void> => {
      while (position < end && failure === undefined) {
        const from = position;
        position = end - from <= lengthMax ? end : from + lengthMax;
        try {
          await work(from, position);
        } catch (error) {
          failure ??= { error };
        }
      }
    };
    await Promise.all(Array.from({ length: partsInFlightMax }, lane));
    if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
  }

  // Checks

  #isPlain(offset: number, length: number): boolean {
    return (
      offset >= 0 &&
      length > 0 &&
      length <= this.#fastLengthMax &&
      offset + length <= this.#fastEnd &&
      ((offset | length) & this.#blockMask) === 0 &&
      Number.isInteger(offset)
    );
  }

  /** The range as exact numbers. Throws for what lies outside of the export. */
  #range(command: string, offset: Offset, length: Offset): readonly [start: bigint, end: bigint] {
    this.#requireOpen();
    const start = exact(command, 'offset', offset);
    const end = start + exact(command, 'length', length);
    const { size } = this.geometry;
    if (end > size && this.#strict.bounds) {
      throw new UsageError(
        'ERR_NBD_OUT_OF_BOUNDS',
        `${command} of ${end - start} bytes at ${start} reaches past the end of the export at ${size}`,
      );
    }
    return [start, end];
  }

  #requireOpen(): void {
    if (this.#link.state === 'closed' || this.#closing !== undefined) throw this.#closedError();
    if (this.#link.facts === undefined) notOpen();
  }

  #requireAbility(ability: 'flush' | 'trim' | 'writeZeroes' | 'cache', command: string): void {
    this.#requireOpen();
    if (this.#strict.commands && !this.abilities[ability]) {
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${command}: the server does not offer it for this export`);
    }
  }

  #requireWritable(command: string): void {
    this.#requireOpen();
    if (this.#strict.commands && this.abilities.readOnly) {
      throw new UsageError('ERR_NBD_READ_ONLY', `${command}: the export is read-only`);
    }
  }

  #requireFlag(ability: 'fua' | 'fastZero', command: string, flag: string): void {
    if (this.#strict.flags && !this.abilities[ability]) {
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${command}: the server does not offer ${flag} for this export`);
    }
  }

  #requireDf(): number {
    if (this.#strict.flags && !this.#has(TransmissionFlag.SendDf)) {
      // Simple replies come in one piece anyway.
      if (this.facts.mode === 'simple') return 0;
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', 'READ: the server does not offer DF for this export');
    }
    return CommandFlag.Df;
  }

  #fua(wanted: boolean | undefined, command: string): number {
    if (wanted !== true) return 0;
    this.#requireFlag('fua', command, 'FUA');
    return CommandFlag.Fua;
  }

  /** C64: with extended headers each write says that it has a payload. */
  #writeFlags(flags: number): number {
    return this.#isExtended ? flags | this.#autoFlag(CommandFlag.PayloadLen) : flags;
  }

  #autoFlag(flag: number): number {
    return this.#strict.autoFlag ? flag : 0;
  }

  #has(flag: number): boolean {
    return (this.facts.transmissionFlags & flag) !== 0;
  }

  get #isExtended(): boolean {
    return this.facts.mode === 'extended';
  }

  get #payloadMax(): bigint {
    if (!this.#strict.payload) return BigInt(limits.payloadBytesMax);
    const { maximumBlockSize, minimumBlockSize } = this.geometry;
    return BigInt(maximumBlockSize - (maximumBlockSize % minimumBlockSize));
  }

  // Requests

  #task(
    command: number,
    flags: number,
    offset: bigint,
    length: bigint,
    source: Uint8Array | undefined,
    target: Uint8Array | undefined,
    signal: AbortSignal | undefined,
  ): Task {
    const low = 0xffff_ffffn;
    return new Task(
      command,
      flags,
      Number(offset >> 32n),
      Number(offset & low),
      Number(length >> 32n),
      Number(length & low),
      source,
      target,
      signal,
    );
  }

  #submit(task: Task): Promise<void> {
    if (this.#link.state === 'closed' || this.#closing !== undefined) return Promise.reject(this.#closedError());
    const { signal } = task;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const promise = new Promise<void>(capture);
    task.resolve = resolveLast;
    task.reject = rejectLast;
    if (signal !== undefined) {
      task.onAbort = () => this.#abort(task);
      signal.addEventListener('abort', task.onAbort, { once: true });
    }
    const wire = this.#wire;
    if (wire !== undefined && this.#waiting.isEmpty && wire.canTake(task.payloadBytes)) {
      wire.issue(task);
    } else {
      this.#waiting.push(task);
      if (wire === undefined) this.#link.nudge();
    }
    return promise;
  }

  #abort(task: Task): void {
    const reason = task.signal?.reason;
    task.onAbort = undefined;
    if (task.slot >= 0) {
      this.#wire?.abandon(task, reason);
    } else {
      this.#waiting.remove(task);
      task.reject(reason);
    }
  }

  /** Sends what waits, in order, as far as the limits allow. */
  #pump(): void {
    const wire = this.#wire;
    if (wire === undefined) return;
    for (
      let task = this.#waiting.first;
      task !== undefined && wire.canTake(task.payloadBytes);
      task = this.#waiting.first
    ) {
      this.#waiting.shift();
      wire.issue(task);
    }
    if (wire.inFlightCount === 0 && this.#waiting.isEmpty) this.#idle?.();
  }

  #connected(established: Established): void {
    const { facts } = established;
    this.#established = established;
    this.#geometry ??= geometryOf(facts);
    this.#abilities ??= abilitiesOf(facts);
    const { size, minimumBlockSize } = this.#geometry;
    if (this.#aligned === undefined && minimumBlockSize > 1 && this.#strict.align) {
      this.#aligned = new AlignedAccess(minimumBlockSize, size);
    }
    this.#fastEnd = Math.min(Number(size), Number.MAX_SAFE_INTEGER);
    this.#fastLengthMax = Number(this.#payloadMax);
    this.#blockMask = this.#strict.align ? minimumBlockSize - 1 : 0;
    const {
      defer,
      trace = silent,
      requestsInFlightMax = limits.requestsInFlightMax,
      bytesInFlightMax = limits.bytesInFlightMax,
    } = this.#options;
    const wire: Wire = new Wire(
      established,
      {
        room: () => this.#pump(),
        lost: (cause, tasks, sentBatch) => this.#lost(wire, cause, tasks, sentBatch),
      },
      this.statistics,
      { defer, trace, requestsInFlightMax, bytesInFlightMax },
    );
    this.#wire = wire;
    this.#pump();
  }

  #lost(wire: Wire, cause: Error | undefined, tasks: readonly Task[], sentBatch: number): void {
    if (this.#wire === wire) this.#wire = undefined;
    this.#link.lost(cause);
    // A later stage sends requests again that were in flight; until then they fail, and say what is known of them.
    for (const task of tasks) task.reject(lostError(task, task.batch > sentBatch ? 'not-sent' : 'unknown', cause));
    if (this.#closing !== undefined) {
      this.#failWaiting(new ConnectionLostError('not-sent', 'the connection was lost while closing', { cause }));
      this.#idle?.();
    } else if (this.#waiting.first !== undefined) {
      this.#link.nudge();
    }
  }

  #failWaiting(error: Error): void {
    for (const task of this.#waiting.clear()) {
      if (task.onAbort !== undefined) task.signal?.removeEventListener('abort', task.onAbort);
      task.onAbort = undefined;
      // One object for each promise: whoever decorates an error decorates only his own.
      task.reject(fromErrorRecord(toErrorRecord(error)));
    }
    this.#idle?.();
  }

  #ended(error: Error | undefined): void {
    this.#failWaiting(error ?? this.#closedError());
    this.#settleClosed(error);
  }

  #closedError(): Error {
    const cause = this.#link.closedBy;
    const why = cause === undefined ? '' : `: ${cause.message}`;
    return new UsageError('ERR_NBD_CLOSED', `the device is closed${why}`, { cause });
  }

  async #close(): Promise<void> {
    if (this.#link.state === 'closed') return;
    const isBusy = this.#wire !== undefined && (this.#wire.inFlightCount > 0 || !this.#waiting.isEmpty);
    if (isBusy) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    const wire = this.#wire;
    const channel = this.#established?.channel;
    this.#wire = undefined;
    this.#link.close();
    if (wire === undefined || channel === undefined) return;
    wire.retire();
    const { clock, closeMs = limits.closeMs } = this.#options;
    const cancel = clock.schedule(closeMs, () => channel.destroy());
    await channel.closed;
    cancel();
  }
}

function lostError(task: Task, outcome: 'not-sent' | 'unknown', cause: Error | undefined): ConnectionLostError {
  const why = cause === undefined ? 'the server closed the connection' : cause.message;
  const known = outcome === 'not-sent' ? 'it was not sent' : 'whether it was carried out is unknown';
  return new ConnectionLostError(outcome, `${describe(task)}: the connection was lost: ${why}; ${known}`, { cause });
}

function exact(command: string, what: string, value: Offset): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${command}: the ${what} ${value} is not a safe integer; use a bigint`);
  }
  if (value < 0) throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `${command}: the ${what} ${value} is negative`);
  return BigInt(value);
}

function clip(extents: MetaContextExtents['extents'], start: bigint, end: bigint): MetaContextExtents['extents'] {
  return extents.flatMap((extent) => {
    const from = extent.offset > start ? extent.offset : start;
    const extentEnd = extent.offset + extent.length;
    const to = extentEnd < end ? extentEnd : end;
    return from < to ? [{ offset: from, length: to - from, status: extent.status }] : [];
  });
}

function notOpen(): never {
  throw new UsageError('ERR_NBD_STATE', 'the device is not open yet');
}
