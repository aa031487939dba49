/** One request on the wire, from being issued to being settled. */
import { type ExportFacts, type ProtocolError, type ReadChunk, UsageError } from '@nbdjs/interfaces';
import { type IntervalSet, stopListeningForAbort } from '@nbdjs/kit';
import { Command } from '@nbdjs/protocol';
import type { Loan } from '../durability/loan.ts';

/** Gathers what block status replies say about one request. */
export interface StatusSink {
  begin(contextId: number): void;
  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void;
  end(): void;
}

/** Stands for what a FLUSH will have made durable; the numbers are the journal's. */
export interface FlushMark {
  readonly number: number;
  readonly epoch: number;
}

/** What most requests do without. */
export class RequestDetails {
  signal: AbortSignal | undefined;
  /** Hangs on the signal while the request is under way. */
  onAbort: (() => void) | undefined;
  onChunk: ((chunk: ReadChunk) => void) | undefined;
  /** What `onChunk` will be called with when the reply is complete: until then, the read may have to start over. */
  chunks: ReadChunk[] | undefined;
  status: StatusSink | undefined;
  /** Fills in what depends on the connection that the request leaves by: contexts have other numbers on each (C34). */
  prepare: ((facts: ExportFacts) => void) | undefined;
  /** The stretches of a read that chunks have covered; absent while they come in order. */
  stretches: IntervalSet<number> | undefined;
  /** The server's text about the error, already made printable. */
  errorText: string | undefined;
  /** Where in the export the error happened. */
  errorOffset: bigint | undefined;
  /** How the reply broke the rules, where that has not ended the connection. */
  malformation: ProtocolError | undefined;
  /** What `onChunk` threw. */
  callbackFailure: { readonly error: unknown } | undefined;
  /** How often it has been given to a connection that was then lost. */
  losses = 0;
  /** For requests of our own, which are not sent again: called when their connection is lost. */
  onLost: (() => void) | undefined;
  /** Of a FLUSH: what it makes safe. */
  mark: FlushMark | undefined;
  /** Of a WRITE whose memory may be kept until a flush has covered it. */
  loan: Loan | undefined;
  /** Called when nothing of the request is under way any more, on either side. */
  onFinished: (() => void)[] | undefined;
}

/**
 * A request and what has become of it. Plain fields and no closures: hundreds of thousands of these are made a second.
 * 64-bit numbers are kept as 32-bit halves, and lower halves as *signed* ones: those fit a field without a box at any offset,
 * so that the compiled code stays what it is when a copy passes 2 GiB.
 */
export class Request {
  readonly command: number;
  readonly flags: number;
  readonly offsetHigh: number;
  readonly offsetLow: number;
  lengthHigh: number;
  lengthLow: number;
  /** Bytes to send behind the header, or where a read's bytes land. Lent by the caller; dropped when it takes them back. */
  memory: Uint8Array | undefined;
  /** Asked for the memory of a read when its first bytes are there. */
  provide: (() => Uint8Array) | undefined = undefined;
  /** Payload bytes that the request moves, either way. */
  readonly payloadBytes: number;
  /** The cookie while in flight: a number that no other request has for a long time, and the index of the slot. */
  cookieHigh = 0;
  /** -1 before and after. */
  slot = -1;
  /** Number of the batch that the memory is lent to, as a source; 0 when it is not. */
  batch = 0;
  /** Bytes of a read that chunks have covered. */
  coveredBytes = 0;
  /** The first error that the server reported, as a number of the wire; 0 for none. */
  error = 0;
  /** Chunks of a structured reply that have come; behind the first, a simple reply may not. */
  chunkCount = 0;
  /** The caller's promise is settled already; the reply is still awaited. */
  isAbandoned = false;
  /** When it was issued, in whole milliseconds of the clock; where requests have no time limit, 0. */
  sinceMs = 0;
  details: RequestDetails | undefined = undefined;
  resolve!: () => void;
  reject!: (error: unknown) => void;

  constructor(
    command: number,
    flags: number,
    offsetHigh: number,
    offsetLow: number,
    lengthHigh: number,
    lengthLow: number,
    memory: Uint8Array | undefined,
  ) {
    this.command = command;
    this.flags = flags;
    this.offsetHigh = offsetHigh;
    this.offsetLow = offsetLow | 0;
    this.lengthHigh = lengthHigh;
    this.lengthLow = lengthLow | 0;
    this.memory = memory;
    this.payloadBytes = command === Command.Read ? lengthLow : memory === undefined ? 0 : memory.length;
  }

  /** The first byte of the range, exact. */
  get offset(): bigint {
    return joinHalves(this.offsetHigh, this.offsetLow >>> 0);
  }

  /** What the header says: bytes of the range, or of the payload where the two differ. */
  get length(): bigint {
    return joinHalves(this.lengthHigh, this.lengthLow >>> 0);
  }

  /** Whether the memory is sent, rather than filled. */
  get isSending(): boolean {
    return this.command !== Command.Read;
  }

  /** Whether the request changes bytes of the export. */
  get isWriting(): boolean {
    const { command } = this;
    return command === Command.Write || command === Command.WriteZeroes || command === Command.Trim;
  }

  /** Where a read's bytes go, if anywhere: memory that was not named from the start is asked for now. */
  landingPlace(): Uint8Array | undefined {
    const { provide } = this;
    if (provide === undefined) return this.memory;
    this.provide = undefined;
    try {
      this.memory = provided(provide, this.lengthLow);
    } catch (error) {
      // The caller's own mistake ends its call, not the connection.
      this.detailed().callbackFailure = { error };
    }
    return this.memory;
  }

  /** Forgets what came of it by a lost connection, so that it can be sent by another. */
  startOver(): void {
    this.batch = 0;
    this.coveredBytes = 0;
    this.error = 0;
    this.chunkCount = 0;
    const { details } = this;
    if (details === undefined) return;
    details.chunks = undefined;
    details.stretches = undefined;
    details.errorText = undefined;
    details.errorOffset = undefined;
  }

  /** Lands nothing more in the caller's memory. */
  takeBackMemory(): void {
    this.memory = undefined;
    this.provide = undefined;
  }

  /** The details, made when there were none. */
  detailed(): RequestDetails {
    this.details ??= new RequestDetails();
    return this.details;
  }

  /** Settles when nothing of the request is under way any more. */
  finished(): Promise<void> {
    const details = this.detailed();
    return new Promise((resolve) => {
      details.onFinished ??= [];
      details.onFinished.push(resolve);
    });
  }

  /** Nothing of the request is under way any more: lets go of the signal, and settles what waits for it. */
  finish(): void {
    const { details } = this;
    if (details === undefined) return;
    if (details.onAbort !== undefined && details.signal !== undefined)
      stopListeningForAbort(details.signal, details.onAbort);
    details.onAbort = undefined;
    if (details.onFinished === undefined) return;
    for (const settle of details.onFinished) settle();
    details.onFinished = undefined;
  }
}

/** @throws UsageError unless the memory has as many bytes as were asked for. */
export function provided(provide: () => Uint8Array, length: number): Uint8Array {
  const memory = provide();
  if (memory.length === length) return memory;
  const message = `the memory provided for a read of ${length} bytes has ${memory.length}`;
  throw new UsageError('ERR_NBD_ARGUMENT', message);
}

/** Makes a request of exact numbers. */
export function requestOf(
  command: number,
  flags: number,
  offset: bigint,
  length: bigint,
  memory?: Uint8Array,
  signal?: AbortSignal,
): Request {
  const request = new Request(command, flags, high(offset), low(offset), high(length), low(length), memory);
  if (signal !== undefined) request.detailed().signal = signal;
  return request;
}

/** A 64-bit number from its halves. */
export function joinHalves(highHalf: number, lowHalf: number): bigint {
  return highHalf === 0 ? BigInt(lowHalf) : (BigInt(highHalf) << 32n) | BigInt(lowHalf);
}

function high(wide: bigint): number {
  return Number(wide >> 32n);
}

function low(wide: bigint): number {
  return Number(wide & 0xffff_ffffn);
}
