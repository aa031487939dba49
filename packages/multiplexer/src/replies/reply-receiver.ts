/** Brings each reply to its request. */
import type { HeaderMode, ProtocolError } from '@nbdjs/interfaces';
import { ChunkType, Command, chunkTypes, printableBytes, ReplyDecoder, type ReplyHandler } from '@nbdjs/protocol';
import { describe, violation } from '../errors.ts';
import type { InFlightTable } from '../requests/in-flight-table.ts';
import { joinHalves, type Request, type RequestDetails } from '../requests/request.ts';
import type { MutableStatistics } from '../statistics.ts';
import type { TransmissionTrace } from '../transmission-trace.ts';
import { cover, requireFullCoverage } from './read-coverage.ts';
import type { ReplyLimits } from './reply-limits.ts';

export class ReplyReceiver implements ReplyHandler {
  readonly decoder: ReplyDecoder;
  readonly #mode: HeaderMode;
  readonly #limits: ReplyLimits;
  readonly #slots: InFlightTable;
  readonly #statistics: MutableStatistics;
  readonly #trace: TransmissionTrace;
  readonly #answered: (request: Request) => void;
  #current: Request | undefined;
  /** Where in the read the data under way lands, and how many bytes there are; 0 when the chunk brings none. */
  #position = 0;
  #length = 0;
  #isFirstError = false;

  /** `answered` is called with each request when its reply is complete. */
  constructor(
    mode: HeaderMode,
    limits: ReplyLimits,
    slots: InFlightTable,
    statistics: MutableStatistics,
    trace: TransmissionTrace,
    answered: (request: Request) => void,
  ) {
    this.decoder = new ReplyDecoder(this, mode, limits.replyExtentsMax);
    this.#mode = mode;
    this.#limits = limits;
    this.#slots = slots;
    this.#statistics = statistics;
    this.#trace = trace;
    this.#answered = answered;
  }

  /** The request that the chunk (or simple reply) under way belongs to. */
  protected get current(): Request | undefined {
    return this.#current;
  }

  /** Lands nothing more in an abandoned request's memory. */
  discard(request: Request): void {
    request.takeBackMemory();
    if (this.#current === request) this.decoder.discardPayload();
  }

  simpleReply(cookieHigh: number, cookieLow: number, error: number): number {
    const request = this.#find(cookieHigh, cookieLow);
    this.#current = request;
    this.#statistics.chunksReceived++;
    if (this.#trace.isOn) this.#trace.simpleReply(request, error);
    if (request.error === 0) request.error = error;
    const isRead = request.command === Command.Read;
    if (this.#mode !== 'simple' && (isRead || request.chunkCount > 0)) {
      const message = `${describe(request)}: the reply is a simple one, although structured replies are in use`;
      const simple = this.#violation('simple-reply', message, 'C56');
      // It is unknown whether the payload of a read follows.
      if (isRead && error === 0) throw simple;
      return this.hollow(simple);
    }
    if (error !== 0) return 0;
    if (request.command === Command.BlockStatus) {
      return this.hollow(this.#violation('missing-status', `${describe(request)}: the reply has no content`, 'C56'));
    }
    return isRead ? request.lengthLow : 0;
  }

  /** A simple reply that breaks a rule, and has no payload. */
  protected hollow(error: ProtocolError): number {
    throw error;
  }

  simpleData(length: number): Uint8Array | undefined {
    const request = this.#current as Request;
    this.#position = 0;
    this.#length = length;
    if (request.details?.signal !== undefined) this.decoder.keepPayloadStaged();
    return request.landingPlace();
  }

  simpleEnd(): void {
    const request = this.#current as Request;
    this.#current = undefined;
    if (this.#length > 0) this.#keepData(request);
    this.#settle(request);
  }

  chunk(cookieHigh: number, cookieLow: number, type: number, offsetHigh: number, offsetLow: number): void {
    const request = this.#find(cookieHigh, cookieLow);
    this.#current = request;
    this.#statistics.chunksReceived++;
    if (this.#trace.isOn) this.#trace.chunk(request, type);
    request.chunkCount++;
    const { replyChunksMax } = this.#limits;
    if (request.chunkCount > replyChunksMax) {
      const message = `${describe(request)}: the reply has more than ${replyChunksMax} chunks`;
      throw this.#violation('too-many-chunks', message, 'G6');
    }
    if (this.#mode === 'extended' && (offsetHigh !== request.offsetHigh || (offsetLow | 0) !== request.offsetLow)) {
      const message = `${describe(request)}: the reply names offset ${joinHalves(offsetHigh, offsetLow)}`;
      throw this.#violation('reply-offset', message, 'C68');
    }
    if (!fits(request.command, type)) {
      const message = `${describe(request)}: the reply has a chunk of type ${chunkTypes.name(type)}`;
      throw this.#violation('unfit-chunk', message, 'C51');
    }
  }

  data(offsetHigh: number, offsetLow: number, length: number): Uint8Array | undefined {
    const request = this.#current as Request;
    const position = this.#cover(request, offsetHigh, offsetLow, length);
    this.#position = position;
    this.#length = length;
    const memory = request.landingPlace();
    if (memory === undefined) return undefined;
    // Memory that may be taken back at any time must never be in the kernel's hands.
    if (request.details?.signal !== undefined) this.decoder.keepPayloadStaged();
    return length === memory.length ? memory : memory.subarray(position, position + length);
  }

  hole(offsetHigh: number, offsetLow: number, length: number): void {
    const request = this.#current as Request;
    const position = this.#cover(request, offsetHigh, offsetLow, length);
    request.landingPlace()?.fill(0, position, position + length);
    keepChunk(request, 'hole', position, length);
  }

  blockStatus(contextId: number): void {
    this.#current?.details?.status?.begin(contextId);
  }

  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void {
    this.#current?.details?.status?.extent(lengthHigh, lengthLow, statusHigh, statusLow);
  }

  /** C55: the first error is the one that is reported. */
  error(error: number, text: Uint8Array): void {
    const request = this.#current as Request;
    this.#isFirstError = request.error === 0;
    if (!this.#isFirstError) return;
    request.error = error;
    if (text.length > 0) request.detailed().errorText = printableBytes(text);
  }

  /** A place outside of the request is of no help, and no reason to part from the server. */
  errorOffset(offsetHigh: number, offsetLow: number): void {
    const request = this.#current as Request;
    const place = joinHalves(offsetHigh, offsetLow) - request.offset;
    if (this.#isFirstError && place >= 0n && place < request.length) {
      request.detailed().errorOffset = joinHalves(offsetHigh, offsetLow);
    }
  }

  chunkEnd(isDone: boolean): void {
    const request = this.#current as Request;
    if (this.#length > 0) this.#keepData(request);
    if (isDone && request.error === 0) {
      if (request.command === Command.Read) requireFullCoverage(request, this.decoder);
      else request.details?.status?.end();
    }
    this.#current = undefined;
    if (isDone) this.#settle(request);
  }

  #cover(request: Request, offsetHigh: number, offsetLow: number, length: number): number {
    return cover(request, offsetHigh, offsetLow, length, this.#limits.replyStretchesMax, this.decoder);
  }

  #keepData(request: Request): void {
    const length = this.#length;
    this.#length = 0;
    if (request.details !== undefined) keepChunk(request, 'data', this.#position, length);
  }

  #settle(request: Request): void {
    this.#statistics.repliesReceived++;
    if (request.details?.chunks !== undefined && request.error === 0) reportChunks(request.details);
    if (this.#trace.isOn) this.#trace.reply(request);
    this.#slots.remove(request);
    this.#answered(request);
  }

  /** C40: a cookie of no request in flight means that the stream is out of sync, or worse. */
  #find(cookieHigh: number, cookieLow: number): Request {
    const request = this.#slots.find(cookieHigh, cookieLow);
    if (request !== undefined) return request;
    const cookie = joinHalves(cookieHigh, cookieLow).toString(16).padStart(16, '0');
    const message = `a reply has the cookie 0x${cookie}, which belongs to no request`;
    throw this.#violation('unexpected-cookie', message, 'C40');
  }

  #violation(name: string, message: string, rule: string): ProtocolError {
    return violation(name, message, rule, this.decoder.excerpt);
  }
}

/** Whether a chunk may answer a command. */
function fits(command: number, type: number): boolean {
  if (type === ChunkType.OffsetData || type === ChunkType.OffsetHole) return command === Command.Read;
  if (type === ChunkType.BlockStatus || type === ChunkType.BlockStatusExt) return command === Command.BlockStatus;
  // Errors may answer anything, and unknown types are refused by the decoder.
  return true;
}

/** Keeps a piece for the caller, who hears of it only when no other connection can bring it once more. */
function keepChunk({ details }: Request, type: 'data' | 'hole', position: number, length: number): void {
  if (details?.onChunk === undefined) return;
  details.chunks ??= [];
  details.chunks.push({ type, position, length });
}

/** Reports the pieces of a complete read. What the caller's function throws ends its call, not the connection. */
function reportChunks(details: RequestDetails): void {
  const { chunks = [], onChunk } = details;
  try {
    for (const chunk of chunks) onChunk?.(chunk);
  } catch (error) {
    details.callbackFailure = { error };
  }
}
