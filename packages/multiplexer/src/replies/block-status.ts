/** Block status requests, and the replies gathered into extents per context. */
import {
  type BlockStatusOptions,
  baseAllocation,
  CommandError,
  type ExportFacts,
  type Extent,
  type MetaContextExtents,
  type SelectedContext,
  UsageError,
} from '@nbdjs/interfaces';
import { clipExtents } from '@nbdjs/kit';
import { Command, CommandFlag, encodeBlockStatusPayload, TransmissionFlag } from '@nbdjs/protocol';
import { violation } from '../errors.ts';
import type { Checks } from '../export/checks.ts';
import { joinHalves, type Request, requestOf, type StatusSink } from '../requests/request.ts';

/** One call to `blockStatus`: makes the request, and the answer from what the replies brought. */
export class StatusQuery {
  readonly request: Request;
  readonly #wanted: readonly string[];
  readonly #isOne: boolean;
  readonly #extentsKeptMax: number;
  /** What is asked for, in whole blocks. */
  readonly #start: bigint;
  readonly #end: bigint;
  #extents: StatusExtents | undefined;

  /** The range is in whole blocks, and not longer than one request may ask for. */
  constructor(checks: Checks, start: bigint, end: bigint, isWidened: boolean, options: BlockStatusOptions) {
    this.#start = start;
    this.#end = end;
    this.#isOne = options.one === true;
    this.#extentsKeptMax = checks.replyLimits.extentsKeptMax;
    this.#wanted = wantedContexts(checks, options.contexts);
    // C71: a request can only be narrowed to some contexts where the server takes a payload with it.
    const isNarrowed =
      this.#wanted.length < checks.facts.contexts.length &&
      this.#wanted.length > 0 &&
      checks.isExtended &&
      checks.strict.autoFlag &&
      checks.offers(TransmissionFlag.BlockStatusPayload);
    // The first extent of the widened range may end before the range begins.
    const one = this.#isOne && !isWidened ? CommandFlag.ReqOne : 0;
    const flags = one | (isNarrowed ? CommandFlag.PayloadLen : 0);
    this.request = requestOf(Command.BlockStatus, flags, start, end - start, undefined, options.signal);
    this.request.detailed().prepare = (facts) => this.#prepare(facts, isNarrowed);
  }

  /**
   * The extents of the contexts that were asked for, within a range.
   *
   * @throws CommandError `EIO` when the server has reported nothing about the range.
   */
  result(start: bigint, end: bigint): readonly MetaContextExtents[] {
    return (this.#extents?.all() ?? [])
      .filter(({ context }) => this.#wanted.includes(context))
      .map(({ context, extents }) => {
        const within = clipExtents(extents, start, end);
        if (within.length === 0) {
          const message = `BLOCK_STATUS of ${end - start} bytes at ${start}: the server reports nothing about ${context} there`;
          throw new CommandError('EIO', message, { command: 'BLOCK_STATUS', offset: start, length: end - start });
        }
        return { context, extents: this.#isOne ? within.slice(0, 1) : within };
      });
  }

  /**
   * The answer about bytes behind the last whole block, of which the server reports nothing. As far as is known they are data,
   * which is what `base:allocation` has a status for; other contexts have none.
   *
   * @throws `refusal` when there is no status for it.
   */
  resultOfTail(start: bigint, end: bigint, refusal: CommandError): readonly MetaContextExtents[] {
    if (this.#wanted.some((context) => context !== baseAllocation)) throw refusal;
    const extents = [{ offset: start, length: end - start, status: 0n }];
    return this.#wanted.map((context) => ({ context, extents }));
  }

  /** C34: contexts have other numbers on each connection. */
  #prepare(facts: ExportFacts, isNarrowed: boolean): void {
    const { request } = this;
    const asked = isNarrowed ? facts.contexts.filter(({ name }) => this.#wanted.includes(name)) : facts.contexts;
    this.#extents = new StatusExtents(asked, this.#start, this.#end, this.#extentsKeptMax);
    request.detailed().status = this.#extents;
    if (!isNarrowed) return;
    const ids = asked.map(({ id }) => id);
    const payload = encodeBlockStatusPayload(this.#end - this.#start, ids);
    request.memory = payload;
    request.lengthHigh = 0;
    request.lengthLow = payload.length;
  }
}

/** C36: only contexts that were selected can be asked for. */
function wantedContexts({ facts, strict }: Checks, names: readonly string[] | undefined): readonly string[] {
  const selected = facts.contexts.map(({ name }) => name);
  const unknown = names?.find((name) => !selected.includes(name));
  if (unknown !== undefined || (selected.length === 0 && strict.commands)) {
    const what = unknown === undefined ? 'no metadata context' : `no metadata context ${unknown}`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `BLOCK_STATUS: ${what} was selected when connecting`);
  }
  return names ?? selected;
}

/** Gathers what a reply says, each context once. */
export class StatusExtents implements StatusSink {
  readonly #asked: readonly SelectedContext[];
  readonly #start: bigint;
  readonly #end: bigint;
  readonly #byId = new Map<number, Extent[]>();
  readonly #names: ReadonlyMap<number, string>;
  /** Extents that are kept of each context. A server may send a great many, in answer to very little. */
  readonly #keptMax: number;
  #current: Extent[] = [];
  #position = 0n;
  readonly #lengths = new Bigints();
  readonly #statuses = new Bigints();

  constructor(asked: readonly SelectedContext[], start: bigint, end: bigint, keptMax: number) {
    this.#asked = asked;
    this.#start = start;
    this.#end = end;
    this.#names = new Map(asked.map(({ id, name }) => [id, name]));
    this.#keptMax = Math.max(1, Math.floor(keptMax / Math.max(1, asked.length)));
  }

  begin(contextId: number): void {
    if (!this.#names.has(contextId)) {
      throw violation('unknown-context', `a block status is of context ${contextId}, which was not asked for`, 'C51');
    }
    if (this.#byId.has(contextId)) {
      throw violation('repeated-context', `a block status comes twice for context ${contextId}`, 'C51');
    }
    this.#current = [];
    this.#byId.set(contextId, this.#current);
    this.#position = this.#start;
  }

  /** C38: the server may report less than was asked for, or more, and neighbours may be alike. */
  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void {
    const length = this.#lengths.of(lengthHigh, lengthLow);
    if (length === 0n) throw violation('empty-extent', 'a block status has an extent of no bytes', 'C51');
    const offset = this.#position;
    if (offset >= this.#end) return;
    const next = offset + length;
    this.#position = next > this.#end ? this.#end : next;
    const status = this.#statuses.of(statusHigh, statusLow);
    const last = this.#current.at(-1);
    if (last !== undefined && last.status === status) {
      this.#current[this.#current.length - 1] = { offset: last.offset, length: this.#position - last.offset, status };
    } else if (this.#current.length < this.#keptMax) {
      this.#current.push({ offset, length: next === this.#position ? length : this.#position - offset, status });
    } else {
      // The caller asks again from here.
      this.#position = this.#end;
    }
  }

  end(): void {
    for (const { id, name } of this.#asked) {
      if (!this.#byId.has(id)) {
        throw violation('missing-context', `a block status leaves out the context ${name}`, 'C51');
      }
    }
  }

  /** All that was reported, in the order in which the contexts were selected. */
  all(): readonly MetaContextExtents[] {
    return this.#asked.map(({ id, name }) => ({ context: name, extents: this.#byId.get(id) ?? [] }));
  }
}

/**
 * Bigints from their halves. A reply has very many of them and few different ones, so those of little value are made once: it
 * is a good part of what extents cost.
 */
class Bigints {
  readonly #small: (bigint | undefined)[] = [];
  #last = 0n;
  #lastHigh = 0;
  #lastLow = 0;

  of(highHalf: number, lowHalf: number): bigint {
    if (highHalf === 0 && lowHalf < 16) {
      this.#small[lowHalf] ??= BigInt(lowHalf);
      return this.#small[lowHalf] as bigint;
    }
    if (highHalf !== this.#lastHigh || lowHalf !== this.#lastLow) {
      this.#last = joinHalves(highHalf, lowHalf);
      this.#lastHigh = highHalf;
      this.#lastLow = lowHalf;
    }
    return this.#last;
  }
}
