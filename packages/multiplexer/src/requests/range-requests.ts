/** Calls on ranges of any length and alignment, made of requests that the server takes. */
import { CommandError, type ReadOptions } from '@nbdjs/interfaces';
import { AlignedAccess, type BlockAccess } from '@nbdjs/kit';
import { Command } from '@nbdjs/protocol';
import type { Dispatcher } from '../dispatcher.ts';
import type { Loan } from '../durability/loan.ts';
import { tailError } from '../errors.ts';
import type { Checks } from '../export/checks.ts';
import { inParts } from './in-parts.ts';
import { type Request, requestOf } from './request.ts';

/** Compact headers have 32 bits for a length. */
const compactLengthEnd = 2n ** 32n;

export class RangeRequests {
  readonly #dispatcher: Dispatcher;
  #checks: Checks;
  readonly #aligned: AlignedAccess | undefined;

  constructor(dispatcher: Dispatcher, checks: Checks) {
    this.#dispatcher = dispatcher;
    this.#checks = checks;
    if (!checks.needsAlignment) return;
    const size = (): bigint => this.#checks.geometry.size;
    this.#aligned = new AlignedAccess({
      blockBytes: checks.geometry.minimumBlockSize,
      get size() {
        return size();
      },
      quiet: (start, end) => dispatcher.quiet(start, end),
      during: (work) => dispatcher.shutdown.during(work),
    });
  }

  /** The export has another size now. */
  adapt(checks: Checks): void {
    this.#checks = checks;
  }

  /** Whether writes that fit the blocks may go out without a detour. */
  get isFree(): boolean {
    return this.#aligned === undefined || this.#aligned.isFree;
  }

  /** The longest effect of a request without payload. */
  get lengthMax(): bigint {
    if (this.#checks.isExtended) return 2n ** 63n;
    // A multiple of every block size that the specification allows, and of larger ones, too.
    return compactLengthEnd - BigInt(Math.max(this.#checks.geometry.minimumBlockSize, 2 ** 16));
  }

  /** The whole blocks that a range touches. */
  around(start: bigint, end: bigint): readonly [start: bigint, end: bigint] {
    return this.#aligned?.around(start, end) ?? [start, end];
  }

  async read(start: bigint, target: Uint8Array, flags: number, options: ReadOptions): Promise<void> {
    const { signal, onChunk } = options;
    const aligned = this.#aligned;
    if (aligned === undefined || aligned.fits(start, start + BigInt(target.length))) {
      await this.#read(start, target, flags, options);
      return;
    }
    const access: BlockAccess = {
      read: (from, part) => this.#read(from, part, flags, { signal }),
      write: () => Promise.reject(new Error('reading writes nothing')),
    };
    await aligned.read(access, start, target);
    onChunk?.({ type: 'data', position: 0, length: target.length });
  }

  /** `loan`: of the memory, when it is lent for longer than the call. */
  async write(
    start: bigint,
    source: Uint8Array,
    flags: number,
    signal: AbortSignal | undefined,
    loan?: Loan,
  ): Promise<void> {
    const end = start + BigInt(source.length);
    const place = (from: bigint, to: bigint): Uint8Array => source.subarray(Number(from - start), Number(to - start));
    const aligned = this.#aligned;
    if (aligned === undefined) return this.#write(start, source, flags, signal, loan);
    if (aligned.fits(start, end)) {
      return aligned.whole(start, end, () => this.#write(start, source, flags, signal, loan), signal);
    }
    const change = {
      start,
      end,
      edge: (bytes: Uint8Array, from: bigint) => bytes.set(place(from, from + BigInt(bytes.length))),
      body: (from: bigint, to: bigint) => this.#write(from, place(from, to), flags, signal, loan),
    };
    return aligned.change(this.#blocks(flags), change, signal);
  }

  /** `edgeFlags` are those of the writes at the edges, where a block is only zeroed in part. */
  async writeZeroes(
    start: bigint,
    end: bigint,
    flags: number,
    edgeFlags: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const zero = (from: bigint, to: bigint): Promise<void> => this.plain(Command.WriteZeroes, flags, from, to, signal);
    const aligned = this.#aligned;
    if (aligned === undefined) return zero(start, end);
    if (aligned.fits(start, end)) return aligned.whole(start, end, () => zero(start, end), signal);
    const change = { start, end, edge: (bytes: Uint8Array) => bytes.fill(0), body: zero };
    return aligned.change(this.#blocks(edgeFlags), change, signal);
  }

  /** Part of a block cannot be given up, and need not be: only whole ones are. */
  async trim(start: bigint, end: bigint, flags: number, signal: AbortSignal | undefined): Promise<void> {
    const range = this.#aligned === undefined ? ([start, end] as const) : this.#aligned.inside(start, end);
    if (range !== undefined) await this.plain(Command.Trim, flags, ...range, signal);
  }

  /** A command without payload on a range that fits the blocks. */
  plain(
    command: number,
    flags: number,
    start: bigint,
    end: bigint,
    signal: AbortSignal | undefined,
    lengthMax = this.lengthMax,
  ): Promise<void> {
    return inParts(start, end, lengthMax, async (from, to) => {
      try {
        await this.#submit(requestOf(command, flags, from, to - from, undefined, signal), to);
      } catch (error) {
        // C45, C59: a server may refuse more than it would take as a payload; then it has to be that much.
        const shorter = BigInt(this.#checks.payloadBytesMax);
        if (!isOverflow(error) || to - from <= shorter) throw error;
        await this.plain(command, flags, from, to, signal, shorter);
      }
    });
  }

  #read(start: bigint, target: Uint8Array, flags: number, { signal, onChunk }: ReadOptions): Promise<void> {
    return this.#inPayloads(start, target, (from, part, position) => {
      const request = requestOf(Command.Read, flags, from, BigInt(part.length), part, signal);
      if (onChunk !== undefined) {
        request.detailed().onChunk = (chunk) => onChunk({ ...chunk, position: position + chunk.position });
      }
      return this.#submit(request, from + BigInt(part.length));
    });
  }

  #write(
    start: bigint,
    source: Uint8Array,
    flags: number,
    signal: AbortSignal | undefined,
    loan?: Loan,
  ): Promise<void> {
    return this.#inPayloads(start, source, (from, part) => {
      const length = BigInt(part.length);
      const request = requestOf(Command.Write, flags, from, length, part, signal);
      if (loan !== undefined) request.detailed().loan = loan;
      return this.#submit(request, from + length);
    });
  }

  /** A request that reaches into the tail is tried; a refusal is explained. */
  #submit(request: Request, end: bigint): Promise<void> {
    const settled = this.#dispatcher.submit(request);
    const checks = this.#checks;
    if (end <= checks.tailStart) return settled;
    return settled.catch((error: unknown) => {
      throw checks.refusesTail(error, end) ? tailError(request, checks, error) : error;
    });
  }

  #inPayloads(
    start: bigint,
    bytes: Uint8Array,
    work: (from: bigint, part: Uint8Array, position: number) => Promise<void>,
  ): Promise<void> {
    const lengthMax = BigInt(this.#checks.payloadBytesMax);
    return inParts(start, start + BigInt(bytes.length), lengthMax, (from, to) => {
      const position = Number(from - start);
      return work(from, bytes.subarray(position, Number(to - start)), position);
    });
  }

  /** Access to partial blocks. It cannot be aborted, because they hold bytes of other writes. */
  #blocks(flags: number): BlockAccess {
    return {
      read: (start, target) => this.#read(start, target, 0, {}),
      write: (start, source) => this.#write(start, source, flags, undefined),
    };
  }
}

function isOverflow(error: unknown): boolean {
  return error instanceof CommandError && error.code === 'EOVERFLOW';
}
