/** Many requests over one connection at a time: the `BlockDevice` that a remote export is. */
import {
  type Abilities,
  type Abortable,
  type BlockStatusOptions,
  type DeferredReads,
  type DeviceResizing,
  type ExportFacts,
  type Geometry,
  type Losses,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  type RetainedWrites,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { Command, CommandFlag } from '@nbdjs/protocol';
import type { DeviceState } from './connections/reconnect-states.ts';
import { Dispatcher } from './dispatcher.ts';
import { Loan } from './durability/loan.ts';
import { tailError } from './errors.ts';
import { Checks } from './export/checks.ts';
import { SimpleRanges } from './export/simple-ranges.ts';
import type { Multiplexer } from './multiplexer-interface.ts';
import { StatusQuery } from './replies/block-status.ts';
import { RangeRequests } from './requests/range-requests.ts';
import { provided, Request } from './requests/request.ts';
import { Resizer } from './requests/resizer.ts';
import { type MultiplexerOptions, type MultiplexerSettings, resolveSettings } from './settings.ts';
import type { Statistics } from './statistics.ts';
import { TransmissionTrace } from './transmission-trace.ts';

/** Makes a multiplexer; `open` makes its first connection. */
export function createMultiplexer(options: MultiplexerOptions): Multiplexer {
  return new ConnectionMultiplexer(resolveSettings(options));
}

class ConnectionMultiplexer implements Multiplexer, DeferredReads, RetainedWrites {
  readonly deferredReads: DeferredReads = this;
  readonly retainedWrites: RetainedWrites = this;
  readonly closed: Promise<Error | undefined>;
  readonly statistics: Statistics;
  readonly #settings: MultiplexerSettings;
  readonly #dispatcher: Dispatcher;
  /** These two exist from the first connection on. */
  #checks: Checks | undefined;
  #ranges: RangeRequests | undefined;
  #simple = new SimpleRanges();
  readonly #resizer: Resizer;

  constructor(settings: MultiplexerSettings) {
    this.#settings = settings;
    this.#dispatcher = new Dispatcher(settings, new TransmissionTrace(settings.trace));
    this.closed = this.#dispatcher.closed;
    this.statistics = this.#dispatcher.statistics;
    this.#resizer = new Resizer(this.#dispatcher, {
      checks: () => this.#ready().checks,
      sized: (size) => this.#sized(size),
    });
  }

  get state(): DeviceState {
    return this.#dispatcher.reconnector.state;
  }

  get facts(): ExportFacts {
    return (this.#checks ?? notOpen()).facts;
  }

  get geometry(): Geometry {
    return (this.#checks ?? notOpen()).geometry;
  }

  get abilities(): Abilities {
    return (this.#checks ?? notOpen()).abilities;
  }

  get takesAnyRange(): boolean {
    return this.#settings.strict.align;
  }

  get losses(): Losses {
    return this.#dispatcher.losses;
  }

  get resizing(): DeviceResizing | undefined {
    return this.#checks?.isResizable === true ? this.#resizer : undefined;
  }

  async open(options: Abortable = {}): Promise<ExportFacts> {
    const facts = await this.#dispatcher.reconnector.open(options.signal);
    this.#opened(facts);
    return facts;
  }

  widen(connections: number): void {
    this.#dispatcher.reconnector.raiseConnections(connections);
  }

  read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void> {
    const { length } = target;
    if (typeof offset === 'number' && this.#simple.include(offset, length) && options?.dontFragment !== true) {
      return this.#readSimple(offset, length, target, undefined, options);
    }
    return this.#readRange(offset, target, options ?? {});
  }

  readInto(offset: Offset, length: number, provide: () => Uint8Array, options?: ReadOptions): Promise<void> {
    if (typeof offset === 'number' && this.#simple.include(offset, length) && options?.dontFragment !== true) {
      return this.#readSimple(offset, length, undefined, provide, options);
    }
    return this.#readRangeLate(offset, length, provide, options ?? {});
  }

  write(offset: Offset, source: Uint8Array, options?: WriteOptions): Promise<void> {
    return this.#write(offset, source, options, undefined);
  }

  writeRetained(offset: Offset, source: Uint8Array, released: () => void, options?: WriteOptions): Promise<void> {
    const loan = new Loan(released);
    loan.begin();
    const settled = this.#write(offset, source, options, loan);
    const end = (): void => loan.end();
    settled.then(end, end);
    return settled;
  }

  /** C46, C49. Without `abilities.flush` there is nothing to ask the server for, and the call is refused. */
  async flush(options: Abortable = {}): Promise<void> {
    const { checks } = this.#ready();
    checks.requireCommand('FLUSH', 'flush');
    await this.#dispatcher.flush(options.signal);
  }

  async trim(offset: Offset, length: Offset, options: WriteOptions = {}): Promise<void> {
    const { checks, ranges } = this.#ready();
    checks.requireCommand('TRIM', 'trim');
    const [start, end] = checks.partInBlocks('TRIM', offset, length);
    const flags = checks.fuaFlag('TRIM', options);
    if (this.#isNothing(start, end)) return;
    await this.#dispatcher.shutdown.during(() => ranges.trim(start, end, flags, options.signal));
  }

  async writeZeroes(offset: Offset, length: Offset, options: WriteZeroesOptions = {}): Promise<void> {
    const { checks, ranges } = this.#ready();
    checks.requireCommand('WRITE_ZEROES', 'writeZeroes');
    const [start, end] = checks.range('WRITE_ZEROES', offset, length);
    const flags = checks.zeroFlags(options);
    if (this.#isNothing(start, end)) return;
    const edgeFlags = checks.writeFlags(options);
    await this.#dispatcher.shutdown.during(() => ranges.writeZeroes(start, end, flags, edgeFlags, options.signal));
  }

  async cache(offset: Offset, length: Offset, options: Abortable = {}): Promise<void> {
    const { checks, ranges } = this.#ready();
    checks.requireCommand('CACHE', 'cache');
    const [start, end] = checks.partInBlocks('CACHE', offset, length);
    if (this.#isNothing(start, end)) return;
    const around = ranges.around(start, end);
    await this.#dispatcher.shutdown.during(() => ranges.plain(Command.Cache, 0, ...around, options.signal));
  }

  async blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): Promise<readonly MetaContextExtents[]> {
    const { checks, ranges } = this.#ready();
    const [start, end] = checks.range('BLOCK_STATUS', offset, length);
    if (this.#isNothing(start, end)) throw new UsageError('ERR_NBD_EMPTY', 'BLOCK_STATUS of no bytes');
    const [from, to] = ranges.around(start, end);
    // The answer may be about less than was asked for, so a range that is too long is simply cut.
    const cut = to - from > ranges.lengthMax ? from + ranges.lengthMax : to;
    const query = new StatusQuery(checks, from, cut, from !== start, options);
    try {
      await this.#dispatcher.submit(query.request);
    } catch (error) {
      if (!checks.refusesTail(error, cut)) throw error;
      const { tailStart } = checks;
      if (start < tailStart) return this.blockStatus(start, tailStart - start, options);
      return query.resultOfTail(start, end, tailError(query.request, checks, error));
    }
    return query.result(start, end);
  }

  close(): Promise<void> {
    this.#simple = new SimpleRanges();
    return this.#dispatcher.shutdown.close();
  }

  destroy(cause?: Error): void {
    this.#simple = new SimpleRanges();
    this.#dispatcher.shutdown.destroy(cause);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #readSimple(
    offset: number,
    length: number,
    target: Uint8Array | undefined,
    provide: (() => Uint8Array) | undefined,
    options: ReadOptions | undefined,
  ): Promise<void> {
    const request = new Request(Command.Read, 0, Math.floor(offset / 2 ** 32), offset >>> 0, 0, length, target);
    request.provide = provide;
    if (options !== undefined) adopt(request, options);
    return this.#dispatcher.submit(request);
  }

  async #readRange(offset: Offset, target: Uint8Array, options: ReadOptions): Promise<void> {
    const { checks, ranges } = this.#ready();
    const [start, end] = checks.range('READ', offset, target.length);
    const flags = checks.readFlags(options);
    if (this.#isNothing(start, end)) return;
    await this.#dispatcher.shutdown.during(() => ranges.read(start, target, flags, options));
  }

  /** What takes several requests needs its memory from the start. */
  async #readRangeLate(offset: Offset, length: number, provide: () => Uint8Array, options: ReadOptions): Promise<void> {
    const { checks } = this.#ready();
    checks.range('READ', offset, length);
    await this.#readRange(offset, provided(provide, length), options);
  }

  #write(offset: Offset, source: Uint8Array, options: WriteOptions | undefined, loan: Loan | undefined): Promise<void> {
    const { length } = source;
    const isFua = options?.fua === true;
    if (
      typeof offset === 'number' &&
      this.#simple.include(offset, length) &&
      this.#simple.isWritable &&
      (!isFua || this.#simple.hasFua) &&
      this.#ranges?.isFree === true
    ) {
      const { writeFlags } = this.#simple;
      const flags = isFua ? writeFlags | CommandFlag.Fua : writeFlags;
      const request = new Request(Command.Write, flags, Math.floor(offset / 2 ** 32), offset >>> 0, 0, length, source);
      if (options !== undefined) adopt(request, options);
      if (loan !== undefined) request.detailed().loan = loan;
      return this.#dispatcher.submit(request);
    }
    return this.#writeRange(offset, source, options ?? {}, loan);
  }

  async #writeRange(offset: Offset, source: Uint8Array, options: WriteOptions, loan: Loan | undefined): Promise<void> {
    const { checks, ranges } = this.#ready();
    checks.requireWritable('WRITE');
    const [start, end] = checks.range('WRITE', offset, source.length);
    const flags = checks.writeFlags(options);
    if (this.#isNothing(start, end)) return;
    await this.#dispatcher.shutdown.during(() => ranges.write(start, source, flags, options.signal, loan));
  }

  /** C48: requests for no bytes are not sent. */
  #isNothing(start: bigint, end: bigint): boolean {
    return start === end && this.#settings.strict.zeroSize;
  }

  #ready(): { readonly checks: Checks; readonly ranges: RangeRequests } {
    if (this.#dispatcher.isClosing) throw this.#dispatcher.refusal();
    const checks = this.#checks;
    const ranges = this.#ranges;
    if (checks === undefined || ranges === undefined) return notOpen();
    return { checks, ranges };
  }

  /** All calls from now on are about an export of this size. */
  #sized(size: bigint): void {
    const checks = new Checks({ ...this.facts, size }, this.#settings);
    this.#checks = checks;
    this.#ranges?.adapt(checks);
    if (!this.#dispatcher.isClosing) this.#simple = new SimpleRanges(checks);
  }

  /** Later connections offer the same; what they may offer on top is not made use of. */
  #opened(facts: ExportFacts): void {
    const checks = new Checks(facts, this.#settings);
    this.#checks = checks;
    this.#ranges = new RangeRequests(this.#dispatcher, checks);
    if (!this.#dispatcher.isClosing) this.#simple = new SimpleRanges(checks);
  }
}

/** Takes over what options say about how a request is attended to. */
function adopt(request: Request, options: ReadOptions): void {
  const { signal, onChunk } = options;
  if (signal === undefined && onChunk === undefined) return;
  const details = request.detailed();
  details.signal = signal;
  details.onChunk = onChunk;
}

function notOpen(): never {
  throw new UsageError('ERR_NBD_STATE', 'the device is not open yet');
}
