/**
 * The transmission phase of one client: requests in, replies out, in any order.
 *
 * All requests of one delivery are looked at together, those that the device answers at once are answered at once, and
 * their replies leave together. What has to wait (for memory, for a client that does not read) waits here, and meanwhile
 * nothing more is read.
 */
import {
  type BlockDevice,
  type ByteChannel,
  type ByteSink,
  type Clock,
  CommandError,
  type Defer,
  type ExportFacts,
  type LentPiece,
  limits,
  type MetaContextExtents,
  type Offset,
  ProtocolError,
  type ReadChunk,
  type SelectedContext,
  TimeoutError,
  type Trace,
} from '@nbdjs/interfaces';
import type { Holder } from '@nbdjs/kit';
import {
  Command,
  CommandFlag,
  commands,
  decodeBlockStatusPayload,
  later,
  RequestDecoder,
  type RequestHandler,
  WireError,
} from '@nbdjs/protocol';
import type { Account, Budget } from './budget.ts';
import type { BusyPoll } from './busy-poll.ts';
import type { ClientCounts, CutOffReason } from './clients.ts';
import type { DeviceUsers } from './device-users.ts';
import { extentsInBlocks, wireExtents } from './extents.ts';
import { type Failure, failureOf } from './failure.ts';
import { Job } from './job.ts';
import { type MemoryPool, pieceBytes } from './memory-pool.ts';
import { ProgressMeter } from './progress-meter.ts';
import { ReplyWriter } from './reply-writer.ts';
import { Rules } from './rules.ts';
import type { Statistics } from './statistics.ts';
import type { Watch, Watched } from './watch.ts';

/** What all sessions of a server have in common. */
export interface Surroundings {
  readonly clock: Clock;
  readonly nextTurn: Defer;
  readonly trace: Trace;
  readonly pool: MemoryPool;
  readonly budget: Budget;
  readonly busyPoll: BusyPoll;
  readonly users: DeviceUsers;
  readonly watch: Watch;
  readonly counts: ClientCounts;
  readonly limits: TransmissionLimits;
}

export interface TransmissionLimits {
  /** Requests that a device works on at a time, for one client. */
  readonly requestsInFlightMax: number;
  /** Payload bytes of those. */
  readonly bytesInFlightMax: number;
  /** Nothing new is begun for a client while so many bytes of replies wait for it. */
  readonly unsentBytesMax: number;
  /** The longest read or write. */
  readonly payloadBytesMax: number;
  /** The longest answer about block status, of all contexts, in bytes; a client asks again for what lies behind it. */
  readonly statusBytesMax: number;
  /** How long a client may take over the next `progressBytesMin` bytes of a request that it has begun; 0 for no limit. */
  readonly stallMs: number;
  /** How long a client may take over reading the next `progressBytesMin` bytes of replies that wait; 0 for no limit. */
  readonly sendStallMs: number;
  /** Fewer bytes, in the times above, count as standing still. */
  readonly progressBytesMin: number;
  /** How long a client that stands still may hold memory that others wait for; 0 for no limit. */
  readonly pressureMs: number;
  /** How long a client that stands still may have a place that others wait for; 0 for no limit. */
  readonly placeMs: number;
  /** How long a client may ask for nothing; 0 for as long as it likes. */
  readonly idleMs: number;
  /** What a client that is told to go has to go by, in milliseconds. */
  readonly closeMs: number;
}

/** Replies leave as soon as so many bytes of them are there. */
const flushBytes = 128 * 1024;
/** Shorter reads are not looked through for holes. */
const sparseReadMin = 32 * 1024;
/** Shorter reads and writes are quickly done. */
const longRequestMin = 64 * 1024;
/** One delivery can bring thousands of requests. After so long others have their turn. */
const turnMsMax = 2;
/** Bytes of an extent in a reply with extended headers. */
const extentBytes = 16;

const withFua = { fua: true } as const;

export class Transmission implements ByteSink, RequestHandler, Watched {
  readonly #channel: ByteChannel;
  readonly #device: BlockDevice;
  readonly #holder: Holder;
  readonly #contexts: readonly SelectedContext[];
  readonly #mode: ExportFacts['mode'];
  readonly #around: Surroundings;
  readonly #statistics: Statistics;
  readonly #rules: Rules;
  readonly #decoder: RequestDecoder;
  readonly #writer: ReplyWriter;
  readonly #account: Account;
  readonly #goOnTask = (): void => this.#goOnLater();
  readonly #flushTask = (): void => this.#flushLater();
  /** The request whose payload is arriving. */
  #incoming: Job | undefined;
  /** The same, while there is no memory for it. */
  #awaitsMemory = false;
  /** Requests that have not been begun. */
  #waiting: Job[] = [];
  #inFlight = 0;
  #bytesInFlight = 0;
  #isDelivering = false;
  #isFlushScheduled = false;
  #isGoingOn = false;
  #isGoingOnLater = false;
  /** When we began to work on what has arrived. */
  #turnStartMs = 0;
  #receivedBytes = 0;
  #heardCount = 0;
  #drainCount = 0;
  readonly #receiving: ProgressMeter;
  readonly #reading: ProgressMeter;
  readonly #resting = new ProgressMeter(1);
  #isPaused = false;
  /** The client has said good-bye, or we have: no further request is heard. */
  #isLeaving = false;
  /** Further requests are answered with ESHUTDOWN. */
  #isShuttingDown = false;
  #isOver = false;
  #cancelClose: (() => void) | undefined;
  #settleIdle!: () => void;
  /** Settles when the client is gone and the device works on nothing of it any more. */
  readonly idle: Promise<void>;

  /** `isAligned`: requests have to fit the blocks that the client was told of. */
  constructor(
    channel: ByteChannel,
    facts: ExportFacts,
    device: BlockDevice,
    isAligned: boolean,
    around: Surroundings,
    statistics: Statistics,
  ) {
    this.#channel = channel;
    this.#device = device;
    this.#contexts = facts.contexts;
    this.#mode = facts.mode;
    this.#around = around;
    this.#statistics = statistics;
    this.#rules = new Rules(facts, device, around.limits.payloadBytesMax, isAligned);
    this.#decoder = new RequestDecoder(this, {
      extended: facts.mode === 'extended',
      payloadBytesMax: limits.payloadBytesMax,
    });
    this.#account = around.budget.openAccount(() => this.#goOn());
    this.#writer = new ReplyWriter(channel, facts.mode, around.pool, this.#account);
    this.#receiving = new ProgressMeter(around.limits.progressBytesMin);
    this.#reading = new ProgressMeter(around.limits.progressBytesMin);
    this.#holder = around.users.enter(device);
    around.watch.enter(this);
    this.idle = new Promise((resolve) => {
      this.#settleIdle = resolve;
    });
  }

  get requestsInFlight(): number {
    return this.#inFlight + this.#waiting.length;
  }

  /** Nothing is asked that is not answered, and all answers are read. */
  get isAtRest(): boolean {
    return !this.#isPartial && this.#writer.unsentBytes === 0 && this.requestsInFlight === 0;
  }

  /** The client has begun a request, and it is its turn to go on. */
  get #isPartial(): boolean {
    return !this.#isPaused && !this.#decoder.isBetweenRequests;
  }

  /** Finishes what is under way, answers what comes meanwhile with ESHUTDOWN, then ends the connection (S66). */
  shutDown(): void {
    this.#isShuttingDown = true;
    this.#checkLeave();
  }

  writable(): Uint8Array {
    return this.#decoder.writable();
  }

  advance(byteCount: number): void {
    this.#receivedBytes += byteCount;
    this.#around.busyPoll.heard();
    this.#deliver(() => this.#decoder.advance(byteCount));
    this.#around.busyPoll.quiet();
  }

  #deliver(decode: () => void): void {
    this.#isDelivering = true;
    this.#turnStartMs = this.#around.clock.now();
    try {
      decode();
    } catch (error) {
      if (error instanceof ProtocolError) this.#report('violation', error);
      throw error;
    } finally {
      this.#isDelivering = false;
      this.#flush();
    }
  }

  drained(): void {
    this.#drainCount++;
    this.#writer.drained();
    this.#goOn();
  }

  ended(cause?: Error): void {
    this.#isLeaving = true;
    if (cause !== undefined) {
      this.#over();
      this.#channel.destroy(cause);
    } else {
      // Whoever only stops sending still gets its answers.
      this.#checkLeave();
    }
  }

  /** The channel has released everything, however it came to that. */
  closed(): void {
    this.#over();
  }

  look(now: number, isShort: boolean, isWanted: boolean): void {
    if (this.#isOver) return;
    const { stallMs, sendStallMs, pressureMs, placeMs, idleMs } = this.#around.limits;
    const { unsentBytes, sentBytes } = this.#writer;
    const isPartial = this.#isPartial;
    const stalledMs = this.#receiving.standstillMs(now, isPartial, this.#receivedBytes, this.#heardCount);
    const takenBytes = sentBytes - (this.#channel.queuedBytes ?? unsentBytes);
    const unreadMs = this.#reading.standstillMs(now, unsentBytes > 0, takenBytes, this.#drainCount);
    const idleForMs = this.#resting.standstillMs(now, this.isAtRest && !this.#isLeaving, this.#receivedBytes, 0);
    const standstillMs = Math.max(stalledMs, unreadMs);
    if (isOver(stalledMs, stallMs)) {
      this.#cutOff('stall', `the client has begun a request and not gone on for ${stallMs} ms`);
    } else if (isOver(unreadMs, sendStallMs)) {
      this.#cutOff('unread', `the client has not read its replies for ${sendStallMs} ms`);
    } else if (isShort && this.#account.usedBytes > 0 && isOver(standstillMs, pressureMs)) {
      const text = `the client stands still and holds ${this.#account.usedBytes} bytes of memory that others wait for`;
      this.#cutOff('pressure', text);
    } else if (isWanted && isOver(standstillMs, placeMs)) {
      this.#cutOff('place', `the client has stood still for ${standstillMs} ms and has a place that others wait for`);
    } else if (isOver(idleForMs, idleMs)) {
      this.#report('idle', new TimeoutError('stall', `the client has asked for nothing for ${idleMs} ms`));
      this.#isLeaving = true;
      this.#checkLeave();
    }
  }

  request(
    type: number,
    flags: number,
    cookieHigh: number,
    cookieLow: number,
    offsetHigh: number,
    offsetLow: number,
    lengthHigh: number,
    lengthLow: number,
    payloadBytes: number,
  ): Uint8Array | undefined | typeof later {
    this.#heardCount++;
    const job = new Job(type, flags, cookieHigh, cookieLow, offsetHigh, offsetLow, lengthHigh, lengthLow);
    if (payloadBytes === 0) {
      this.#accept(job);
      return undefined;
    }
    job.payloadBytes = payloadBytes;
    this.#incoming = job;
    if (this.#isLeaving || !this.#isWorthReading(job)) return undefined;
    if (job.type === Command.Write) {
      const place = this.#placeOf(job);
      if (place !== undefined || job.failure !== undefined) return place;
    }
    if (this.#makeRoom(job)) return this.#memoryFor(job);
    this.#awaitsMemory = true;
    this.#steer();
    return later;
  }

  /** Sets memory aside for the payload that comes next. */
  #makeRoom(job: Job): boolean {
    const byteCount = pieceBytes(job.payloadBytes);
    if (!this.#account.take(byteCount, job)) return false;
    job.reservedBytes = byteCount;
    return true;
  }

  #memoryFor(job: Job): Uint8Array {
    job.memory = this.#around.pool.take(job.payloadBytes);
    return exactly(job.memory, job.payloadBytes);
  }

  payload(): void {
    const job = this.#incoming;
    this.#incoming = undefined;
    if (job !== undefined) this.#accept(job);
  }

  /** Where a write's bytes are stored, if they can land there without having been anywhere else. */
  #placeOf(job: Job): Uint8Array | undefined {
    // What is refused must not have taken effect.
    if (this.#device.lendForWriting === undefined || this.#isShuttingDown) return undefined;
    try {
      const place = this.#device.lendForWriting(job.offset, job.payloadBytes);
      job.isStored = place !== undefined;
      return place;
    } catch (error) {
      job.failure = this.#failureOf(job, error);
      return undefined;
    }
  }

  /** A payload that is of no use is discarded, and the request answered afterwards. */
  #isWorthReading(job: Job): boolean {
    if (job.type === Command.Write) {
      job.failure = this.#rules.fault(job);
      return job.failure === undefined;
    }
    return job.type === Command.BlockStatus && this.#rules.isFilterLength(job.payloadBytes);
  }

  #accept(job: Job): void {
    if (this.#isLeaving) {
      this.#release(job);
      return;
    }
    if (job.type === Command.Disconnect) {
      this.#isLeaving = true;
      this.#checkLeave();
      return;
    }
    this.#check(job);
    if (this.#waiting.length > 0 || !this.#mayBegin(job)) this.#waiting.push(job);
    else this.#begin(job);
    this.#steer();
  }

  #check(job: Job): void {
    if (this.#isShuttingDown && !job.isStored) {
      job.failure = { error: WireError.Eshutdown, text: 'the server is shutting down' };
    } else if (job.payloadBytes > 0 && job.type === Command.BlockStatus && job.has(CommandFlag.PayloadLen)) {
      job.failure = this.#takeFilter(job) ?? this.#rules.fault(job);
    } else if (job.type !== Command.Write || job.payloadBytes === 0) {
      job.failure = this.#rules.fault(job);
    }
  }

  /** S74: the contexts that a block status request is limited to, and the length that it is about. */
  #takeFilter(job: Job): Failure | undefined {
    const { memory } = job;
    const invalid = { error: WireError.Einval, text: 'the payload is no selection of metadata contexts' };
    if (memory === undefined) return invalid;
    const filter = decodeBlockStatusPayload(memory.subarray(0, job.payloadBytes));
    this.#forget(job);
    if (filter === undefined) return invalid;
    const { contextIds, effectLength } = filter;
    const ids = new Set(contextIds);
    const knownCount = this.#contexts.filter(({ id }) => ids.has(id)).length;
    if (knownCount !== contextIds.length) return invalid;
    job.contextIds = ids;
    job.length = effectLength <= Number.MAX_SAFE_INTEGER ? Number(effectLength) : effectLength;
    return undefined;
  }

  #mayBegin(job: Job): boolean {
    const { requestsInFlightMax, bytesInFlightMax, unsentBytesMax } = this.#around.limits;
    if (this.#writer.unsentBytes >= unsentBytesMax || this.#inFlight >= requestsInFlightMax) return false;
    if (!this.#hasTime(job)) return false;
    const byteCount = this.#bytesOf(job);
    if (this.#bytesInFlight > 0 && this.#bytesInFlight + byteCount > bytesInFlightMax) return false;
    const lackingBytes = byteCount - job.reservedBytes;
    if (lackingBytes > 0 && !this.#account.take(lackingBytes, job)) return false;
    job.reservedBytes = byteCount;
    return true;
  }

  /** Whether it is still this client's turn. A device that answers at once would otherwise be at work for one client only. */
  #hasTime(job: Job): boolean {
    const isQuick = (job.type === Command.Read || job.type === Command.Write) && job.length < longRequestMin;
    if (isQuick || job.failure !== undefined) return true;
    if (this.#around.clock.now() - this.#turnStartMs < turnMsMax) return true;
    if (!this.#isGoingOnLater) {
      this.#isGoingOnLater = true;
      this.#around.nextTurn(this.#goOnTask);
    }
    return false;
  }

  #goOnLater(): void {
    this.#isGoingOnLater = false;
    this.#goOn();
  }

  /** Bytes of memory that a request takes while the device works on it. */
  #bytesOf(job: Job): number {
    const { type, length, reservedBytes, failure } = job;
    if (failure !== undefined) return reservedBytes;
    if (type === Command.Read) return Number(length);
    if (type !== Command.BlockStatus) return reservedBytes;
    const contextCount = job.contextIds?.size ?? this.#contexts.length;
    const extentCount = job.has(CommandFlag.ReqOne) ? 1 : Number(length);
    return Math.max(
      reservedBytes,
      Math.min(this.#around.limits.statusBytesMax, extentBytes * contextCount * extentCount),
    );
  }

  /** Carries out a request for which there is room. Every way out of here ends in `#finish`. */
  #begin(job: Job): void {
    this.#inFlight++;
    this.#bytesInFlight += job.reservedBytes;
    if (job.failure !== undefined) {
      this.#fail(job, job.failure);
      return;
    }
    try {
      const work = this.#carryOut(job);
      if (work === undefined) this.#finish(job);
      else void this.#await(job, work);
    } catch (error) {
      this.#fail(job, this.#failureOf(job, error));
    }
  }

  async #await(job: Job, work: Promise<void>): Promise<void> {
    try {
      await work;
      this.#finish(job);
    } catch (error) {
      this.#fail(job, this.#failureOf(job, error));
    }
    if (!this.#isFlushScheduled && !this.#isDelivering) {
      this.#isFlushScheduled = true;
      this.#around.nextTurn(this.#flushTask);
    }
  }

  #carryOut(job: Job): void | Promise<void> {
    const { offset, length } = job;
    const device = this.#device;
    if (length === 0 && job.type !== Command.Flush && job.type !== Command.Resize) {
      this.#writer.done(job);
      return undefined;
    }
    switch (job.type) {
      case Command.Read:
        return this.#read(job);
      case Command.Write:
        return this.#write(job);
      case Command.Flush:
        return this.#told(job, this.#holder.flush());
      case Command.Trim:
        return this.#change(job, () => device.trim(offset, length, this.#fuaOf(job)));
      case Command.WriteZeroes: {
        const noHole = job.has(CommandFlag.NoHole);
        const fastZero = job.has(CommandFlag.FastZero);
        return this.#change(job, () => device.writeZeroes(offset, length, { noHole, fastZero, ...this.#fuaOf(job) }));
      }
      case Command.Cache:
        return this.#told(job, device.cache(offset, length));
      case Command.BlockStatus:
        return this.#blockStatus(job);
      case Command.Resize:
        return this.#told(job, this.#resize(offset));
    }
    throw new Error(`command ${commands.name(job.type)} has come through the rules`);
  }

  #read(job: Job): void | Promise<void> {
    const length = Number(job.length);
    this.#statistics.readBytes += length;
    if (this.#device.lend !== undefined && this.#readLent(job, length)) return undefined;
    const memory = this.#around.pool.take(length);
    const target = exactly(memory, length);
    const isSparse = this.#mode !== 'simple' && length >= sparseReadMin && !job.has(CommandFlag.Df);
    const pieces: ReadChunk[] = [];
    const options = isSparse ? { onChunk: (piece: ReadChunk): unknown => pieces.push(piece) } : undefined;
    let reading: void | Promise<void>;
    try {
      reading = this.#device.read(job.offset, target, options);
    } catch (error) {
      this.#around.pool.giveBack(memory);
      throw error;
    }
    if (reading === undefined) {
      this.#answerRead(job, target, memory, pieces);
      return undefined;
    }
    return reading.then(
      () => this.#answerRead(job, target, memory, pieces),
      (error: unknown) => {
        this.#around.pool.giveBack(memory);
        throw error;
      },
    );
  }

  /** Without a copy, if the device has the bytes in memory. */
  #readLent(job: Job, length: number): boolean {
    const first = this.#device.lend?.(job.offset, length);
    if (first === undefined) return false;
    if (first instanceof Uint8Array && first.length === length) {
      this.#writer.data(job, first);
      return true;
    }
    const pieces: LentPiece[] = [];
    for (let position = 0, piece: LentPiece | undefined = first; ; ) {
      if (piece === undefined) return false;
      pieces.push(piece);
      position += piece instanceof Uint8Array ? piece.length : piece.holeBytes;
      if (position >= length) break;
      const offset = typeof job.offset === 'number' ? job.offset + position : job.offset + BigInt(position);
      piece = this.#device.lend?.(offset, length - position);
    }
    if (job.has(CommandFlag.Df) && this.#mode !== 'simple') return false;
    this.#writer.pieces(job, pieces);
    return true;
  }

  #answerRead(job: Job, target: Uint8Array, memory: Uint8Array, chunks: ReadChunk[]): void {
    if (!chunks.some(({ type }) => type === 'hole')) {
      this.#writer.data(job, target, memory);
      return;
    }
    chunks.sort((one, other) => one.position - other.position);
    const pieces = chunks.map(({ type, position, length }) =>
      type === 'hole' ? { holeBytes: length } : target.subarray(position, position + length),
    );
    this.#writer.pieces(job, pieces);
    this.#writer.giveBackLater(memory);
  }

  #write(job: Job): void | Promise<void> {
    const { memory, payloadBytes } = job;
    this.#statistics.writtenBytes += payloadBytes;
    if (job.isStored)
      return this.#told(job, job.has(CommandFlag.Fua) ? this.#holder.settle(this.#holder.lossCount) : undefined);
    if (memory === undefined) throw new Error('a write without its payload');
    if (!job.has(CommandFlag.Fua))
      return this.#told(job, this.#device.write(job.offset, exactly(memory, payloadBytes)));
    return this.#change(job, () => this.#device.write(job.offset, exactly(memory, payloadBytes), this.#fuaOf(job)));
  }

  /** A command that changes something; where FUA is asked for and the device knows only flushes, one follows. */
  #change(job: Job, work: () => void | Promise<void>): void | Promise<void> {
    const device = this.#device;
    if (!job.has(CommandFlag.Fua) || device.abilities.fua) return this.#told(job, work());
    const { lossCount } = this.#holder;
    return this.#told(
      job,
      Promise.resolve(work()).then(() => this.#holder.settle(lossCount)),
    );
  }

  #fuaOf(job: Job): typeof withFua | undefined {
    return job.has(CommandFlag.Fua) && this.#device.abilities.fua ? withFua : undefined;
  }

  /** Tells that it is done, when it is. */
  #told(job: Job, work: void | Promise<void>): void | Promise<void> {
    if (work === undefined) {
      this.#writer.done(job);
      return undefined;
    }
    return work.then(() => this.#writer.done(job));
  }

  /** R2, R5: whoever grows with the device notices, but nothing is taken away from under others. */
  #resize(size: Offset): void | Promise<void> {
    const device = this.#device;
    if (size < device.geometry.size && this.#around.users.of(device) > 1) {
      throw new CommandError('EPERM', 'other clients use the export, it cannot become shorter');
    }
    const work = device.resize?.(size);
    if (work === undefined) this.#rules.measure();
    return work?.then(() => this.#rules.measure());
  }

  #blockStatus(job: Job): void | Promise<void> {
    const { contextIds } = job;
    const wanted = this.#contexts.filter(({ id }) => contextIds?.has(id) ?? true);
    const one = job.has(CommandFlag.ReqOne);
    const contexts = wanted.map(({ name }) => name);
    // The first extent may end within a block, and then the others have to be known, too.
    const asked = this.#device.blockStatus(job.offset, job.length, {
      contexts,
      one: one && this.#rules.blockBytes === 1,
    });
    if (!(asked instanceof Promise)) return this.#answerStatus(job, wanted, asked, one);
    return asked.then((answer) => this.#answerStatus(job, wanted, answer, one));
  }

  #answerStatus(
    job: Job,
    wanted: readonly SelectedContext[],
    answer: readonly MetaContextExtents[],
    one: boolean,
  ): void {
    const start = BigInt(job.offset);
    const end = start + BigInt(job.length);
    const { blockBytes } = this.#rules;
    const statusBits = this.#mode === 'extended' ? 64n : 32n;
    const countMax = Math.max(1, Math.floor(this.#around.limits.statusBytesMax / extentBytes / wanted.length));
    const byName = new Map(answer.map(({ context, extents }) => [context, extents]));
    // Nothing is written before all of it is known to be right (S39).
    const all = wanted.map(({ id, name }) => {
      const told = byName.get(name) ?? [];
      const given = blockBytes === 1 ? told : extentsInBlocks(name, told, end, blockBytes);
      const extents = wireExtents(given, start, end, one ? 1 : Math.min(countMax, limits.replyExtentsMax));
      if (extents === undefined) throw new Error(`the device does not know the block status of context ${name}`);
      if (extents.some(({ status }) => status >> statusBits !== 0n)) {
        throw new Error(`the status of context ${name} has more than 32 bits, which takes extended headers`);
      }
      return { id, extents };
    });
    all.forEach(({ id, extents }, index) => {
      this.#writer.blockStatus(job, id, extents, index === all.length - 1);
    });
  }

  #failureOf(job: Job, error: unknown): Failure {
    const failure = failureOf(error, job.has(CommandFlag.FastZero));
    const { trace } = this.#around;
    if (trace.enabled) {
      trace.emit('request-failed', { command: commands.name(job.type), offset: job.offset, length: job.length, error });
    }
    return failure;
  }

  #fail(job: Job, failure: Failure): void {
    this.#statistics.failedRequests += 1;
    this.#writer.fail(job, failure);
    this.#finish(job);
  }

  /** The reply is written. */
  #finish(job: Job): void {
    this.#statistics.requests += 1;
    this.#inFlight--;
    this.#bytesInFlight -= job.reservedBytes;
    this.#release(job);
    if (this.#writer.pendingBytes >= flushBytes) this.#writer.flush();
    if (this.#waiting.length > 0 && !this.#isDelivering) this.#goOn();
    if (this.#isOver) this.#checkIdle();
    else if (this.#isLeaving || this.#isShuttingDown) this.#checkLeave();
  }

  /** Nothing of the request is needed any more. */
  #release(job: Job): void {
    this.#forget(job);
    this.#account.giveBack(job.reservedBytes);
    job.reservedBytes = 0;
  }

  #forget(job: Job): void {
    if (job.memory !== undefined) this.#around.pool.giveBack(job.memory);
    job.memory = undefined;
  }

  /** Begins what has waited, as far as there is room. */
  #goOn(): void {
    if (this.#isGoingOn || this.#isDelivering || this.#isOver) return;
    this.#isGoingOn = true;
    this.#turnStartMs = this.#around.clock.now();
    let begun = 0;
    for (let job = this.#waiting[begun]; job !== undefined && this.#mayBegin(job); job = this.#waiting[begun]) {
      begun++;
      this.#begin(job);
    }
    if (begun > 0) this.#waiting.splice(0, begun);
    this.#isGoingOn = false;
    this.#takeIn();
    this.#flush();
    this.#checkLeave();
  }

  /** Goes on with a payload that there was no memory for. */
  #takeIn(): void {
    const job = this.#incoming;
    if (!this.#awaitsMemory || job === undefined || !this.#makeRoom(job)) return;
    this.#awaitsMemory = false;
    try {
      this.#deliver(() => this.#decoder.provide(this.#memoryFor(job)));
    } catch (error) {
      this.#channel.destroy(error as Error);
    }
  }

  #flush(): void {
    this.#writer.flush();
    this.#steer();
  }

  #flushLater(): void {
    this.#isFlushScheduled = false;
    this.#flush();
    this.#checkLeave();
  }

  /** Reads on only while there is room for what comes. */
  #steer(): void {
    const hasNoRoom =
      this.#awaitsMemory || this.#waiting.length > 0 || this.#writer.unsentBytes >= this.#around.limits.unsentBytesMax;
    const mustPause = hasNoRoom && !this.#isOver;
    if (mustPause === this.#isPaused) return;
    this.#isPaused = mustPause;
    this.#channel.pause(mustPause);
  }

  /** Ends the connection when nobody wants anything of it any more (S52). */
  #checkLeave(): void {
    if ((!this.#isLeaving && !this.#isShuttingDown) || this.#inFlight > 0 || this.#waiting.length > 0) return;
    if (this.#isOver || this.#cancelClose !== undefined) return;
    this.#isLeaving = true;
    this.#writer.flush();
    this.#channel.end();
    this.#cancelClose = this.#around.clock.schedule(this.#around.limits.closeMs, () => this.#channel.destroy());
    void this.#channel.closed.then(() => this.#over());
  }

  /** The client is gone: what waits is forgotten, and what is under way has nobody to tell. */
  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isLeaving = true;
    this.#around.users.leave(this.#device);
    this.#around.watch.leave(this);
    this.#cancelClose?.();
    this.#account.stopWaiting();
    if (this.#incoming !== undefined) this.#release(this.#incoming);
    for (const job of this.#waiting.splice(0)) this.#release(job);
    this.#writer.end();
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#inFlight > 0) return;
    this.#account.close();
    this.#settleIdle();
  }

  #cutOff(reason: CutOffReason, message: string): void {
    const error = new TimeoutError('stall', message);
    this.#report(reason, error);
    this.#channel.destroy(error);
  }

  #report(reason: CutOffReason, error: Error): void {
    const { counts, trace } = this.#around;
    counts.cutOff[reason]++;
    if (trace.enabled) trace.emit('cut-off', { peer: this.#channel.peer, reason, message: error.message, error });
  }
}

/** The first bytes of a piece; most pieces are as long as they are needed. */
function exactly(piece: Uint8Array, length: number): Uint8Array {
  return piece.length === length ? piece : piece.subarray(0, length);
}

/** Whether a limit in milliseconds is reached; 0 is no limit. */
function isOver(elapsedMs: number, limitMs: number): boolean {
  return limitMs > 0 && elapsedMs >= limitMs;
}
