/** One request on the wire, from being issued to being settled. */
import type { ExportFacts, ReadChunk } from '@nbdjs/interfaces';

/** Gathers what block status replies say about one request. */
export interface StatusSink {
  begin(contextId: number, count: number): void;
  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void;
  end(): void;
}

/**
 * A request and what has become of it. Plain fields and no closures: hundreds of thousands of these are made a second.
 * 64-bit numbers are kept as halves.
 */
export class Task {
  readonly command: number;
  readonly flags: number;
  readonly offsetHigh: number;
  readonly offsetLow: number;
  lengthHigh: number;
  lengthLow: number;
  /** Bytes to send behind the header: lent by the caller. */
  source: Uint8Array | undefined;
  /** Where a read's bytes land: lent by the caller, dropped when the request is abandoned. */
  target: Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
  status: StatusSink | undefined = undefined;
  /** Fills in what depends on the connection that the request leaves by: contexts have other numbers on each (C34). */
  prepare: ((facts: ExportFacts) => void) | undefined = undefined;
  onChunk: ((chunk: ReadChunk) => void) | undefined = undefined;
  /** Index of the slot while in flight; -1 before and after. */
  slot = -1;
  /** Number of the batch that it leaves with. */
  batch = 0;
  /** Bytes of a read that chunks have covered. */
  coveredBytes = 0;
  /** Ends and starts of the stretches that were covered, ascending; absent while one stretch from 0 says it all. */
  stretches: number[] | undefined = undefined;
  /** The first error that the server reported; 0 for none. */
  error = 0;
  errorText: string | undefined = undefined;
  /** A chunk of a structured reply has come, so a simple reply may not. */
  hasChunk = false;
  resolve!: () => void;
  reject!: (error: unknown) => void;
  onAbort: (() => void) | undefined = undefined;
  /** The caller has been told already; the reply is still awaited. */
  isAbandoned = false;

  constructor(
    command: number,
    flags: number,
    offsetHigh: number,
    offsetLow: number,
    lengthHigh: number,
    lengthLow: number,
    source: Uint8Array | undefined,
    target: Uint8Array | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.command = command;
    this.flags = flags;
    this.offsetHigh = offsetHigh;
    this.offsetLow = offsetLow;
    this.lengthHigh = lengthHigh;
    this.lengthLow = lengthLow;
    this.source = source;
    this.target = target;
    this.signal = signal;
  }

  /** Payload bytes that this request moves, either way. */
  get payloadBytes(): number {
    return (this.source?.length ?? 0) + (this.target?.length ?? 0);
  }

  /** The first byte of the range, exact. */
  get offset(): bigint {
    return (BigInt(this.offsetHigh) << 32n) | BigInt(this.offsetLow);
  }

  get length(): bigint {
    return (BigInt(this.lengthHigh) << 32n) | BigInt(this.lengthLow);
  }
}
