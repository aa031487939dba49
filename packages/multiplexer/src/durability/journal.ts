/**
 * What the server has acknowledged and may still forget: WRITE, WRITE_ZEROES and TRIM since the last FLUSH.
 *
 * A log: remembering one more costs a copy of its payload, unless its caller lends the memory, and no search. Only when it is full,
 * or is to be replayed, is it looked at what of it later writes have left. When that is still too much, the journal gives up until the next FLUSH has
 * begun: it notes which ranges it cannot replay any more, and they count as lost if the server is lost before they are flushed.
 */
import type { LostRange } from '@nbdjs/interfaces';
import { IntervalSet } from '@nbdjs/kit';
import { Command, CommandFlag } from '@nbdjs/protocol';
import { type FlushMark, type Request, requestOf } from '../requests/request.ts';
import { type JournalBlock, JournalBlocks } from './journal-blocks.ts';
import { JournalEntry, type PayloadMemory, stable } from './journal-entry.ts';
import { LentPayload } from './loan.ts';
import { RangeLog, rangesMax } from './range-log.ts';

export interface JournalBounds {
  /** Off: only which ranges are at risk is noted, nothing can be replayed, and no payload is copied. @default true */
  readonly remembers?: boolean | undefined;
  /** Payload bytes that are kept. */
  readonly bytesMax: number;
  /** Requests that are kept. */
  readonly requestsMax: number;
  /** Kept on top of that, for what is in flight when the writers are held back. @default 0 */
  readonly slackBytes?: number | undefined;
  readonly slackRequests?: number | undefined;
}

/** Consumed entries at the front of the log are cut off when they are many. */
const cutOffCount = 4096;

/** Epochs whose given-up ranges are kept apart. */
const epochsMax = 16;

/** Effects without payload are joined up to this length, which compact headers can express. */
const joinedLengthMax = 1n << 30n;

export class Journal {
  readonly #bounds: JournalBounds;
  readonly #memory = new JournalBlocks();
  #entries: JournalEntry[] = [];
  #front = 0;
  #bytes = 0;
  #lastNumber = 0;
  /** Memory of callers is kept no more. */
  #hasReturnedLoans = false;
  /** Since the last FLUSH began, more has been written than can be kept. */
  #hasGivenUp: boolean;
  /** Goes up with each FLUSH that begins. */
  #epoch = 0;
  /** What was given up, by the epoch in which that happened. */
  readonly #givenUp = new Map<number, RangeLog>();
  /** The last of them, while its epoch lasts. */
  #epochLog: RangeLog | undefined;
  #lost = new IntervalSet<bigint>(rangesMax);

  constructor(bounds: JournalBounds) {
    this.#bounds = bounds;
    this.#hasGivenUp = !this.#remembers;
  }

  get #remembers(): boolean {
    return this.#bounds.remembers !== false;
  }

  /** Nothing that was acknowledged is at risk. */
  get isEmpty(): boolean {
    return this.#count === 0 && this.#givenUp.size === 0;
  }

  /** How full the log is; at 1 it has reached its bounds. */
  get fill(): number {
    const { bytesMax, requestsMax } = this.#bounds;
    return Math.max(this.#bytes / bytesMax, this.#count / requestsMax);
  }

  /** Payload that is kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A request has succeeded. Of one that was abandoned the memory is the caller's again and may have changed, but no caller relies
   * on it. Requests of our own, which replay the journal, are in it already.
   */
  acknowledged(request: Request): void {
    const { details } = request;
    if (request.isWriting) {
      if (!request.isAbandoned && details?.onLost === undefined) this.remember(request);
    } else if (details?.mark !== undefined) {
      this.flushed(details.mark);
    }
  }

  /** Takes note of a writing request that has succeeded. Its payload is still in its memory. */
  remember(request: Request): void {
    const isStable = (request.flags & CommandFlag.Fua) !== 0;
    if (isStable && this.#count === 0) return;
    const payload = isStable ? undefined : request.memory;
    if (!this.#hasGivenUp && !this.#hasRoom(payload?.length ?? 0)) this.#makeRoom();
    if (!this.#hasGivenUp) this.#append(isStable ? stable : request.command, request, payload);
    else if (!isStable && isLossy(request.command)) {
      this.#epochRanges().add(request.offsetHigh, request.offsetLow, request.lengthHigh, request.lengthLow);
    }
  }

  /** A FLUSH leaves: what has been acknowledged so far will be safe with its success. */
  mark(): FlushMark {
    this.#hasGivenUp = !this.#remembers;
    this.#epochLog = undefined;
    return { number: this.#lastNumber, epoch: this.#epoch++ };
  }

  /** The FLUSH with this mark has succeeded. */
  flushed({ number, epoch }: FlushMark): void {
    for (let entry = this.#first; entry !== undefined && entry.number <= number; entry = this.#first) {
      this.#drop(entry);
      this.#front++;
    }
    this.#cutOff();
    for (const one of this.#givenUp.keys()) if (one <= epoch) this.#givenUp.delete(one);
  }

  /** The server may have forgotten everything that is not flushed. What cannot be replayed is lost. */
  serverLost(): void {
    for (const log of this.#givenUp.values()) {
      for (const [start, end] of log.intervals()) this.#lost.add(start, end);
    }
    this.#givenUp.clear();
    this.#epochLog = undefined;
    this.#hasGivenUp = !this.#remembers;
  }

  /** There is no server any more that anything could be replayed to. */
  loseAll(): void {
    this.serverLost();
    for (const { command, start, end } of this.#live()) if (isLossy(command)) this.#lost.add(start, end);
    this.#clear();
  }

  /** A request could not be replayed. */
  lose({ command, offset, length }: Request): void {
    if (isLossy(command)) this.#lost.add(offset, offset + length);
  }

  /** There will be no replay any more, and callers have their memory back; which ranges are at risk is known on. */
  returnLoans(): void {
    this.#hasReturnedLoans = true;
    for (const { block } of this.#live()) if (block instanceof LentPayload) block.giveUp();
  }

  /** Returns what is lost for good and was not returned before. */
  takeLost(): readonly LostRange[] {
    if (this.#lost.isEmpty) return [];
    const intervals = this.#lost.intervals();
    this.#lost = new IntervalSet(rangesMax);
    return intervals.map(([start, end]) => ({ offset: start, length: end - start }));
  }

  /** Requests that bring about again what is at risk. No two touch the same byte, so they may go in any order. */
  replay(payloadBytesMax: number): readonly Request[] {
    this.#coalesce();
    const entries = this.#live()
      .filter(({ command }) => command !== stable)
      .sort((one, other) => (one.start < other.start ? -1 : 1));
    const requests: Request[] = [];
    for (let index = 0; index < entries.length; ) {
      const first = entries[index] as JournalEntry;
      let end = first.end;
      let last = first;
      for (index++; index < entries.length; index++) {
        const next = entries[index] as JournalEntry;
        const lengthMax = first.block === undefined ? joinedLengthMax : BigInt(payloadBytesMax);
        if (!continues(last, next, end) || next.end - first.start > lengthMax) break;
        end = next.end;
        last = next;
      }
      const memory = first.block?.bytes.subarray(first.position, last.position + last.payloadBytes);
      // What was fast before need not be fast again.
      const flags = first.flags & ~CommandFlag.FastZero;
      requests.push(requestOf(first.command, flags, first.start, end - first.start, memory));
    }
    return requests;
  }

  get #count(): number {
    return this.#entries.length - this.#front;
  }

  get #first(): JournalEntry | undefined {
    return this.#entries[this.#front];
  }

  #hasRoom(byteCount: number): boolean {
    const { bytesMax, requestsMax, slackBytes = 0, slackRequests = 0 } = this.#bounds;
    return this.#bytes + byteCount <= bytesMax + slackBytes && this.#count < requestsMax + slackRequests;
  }

  /** Drops what later writes have covered. When less than half becomes free, it would soon be full again: gives up. */
  #makeRoom(): void {
    this.#coalesce();
    if (this.fill <= 1 / 2) return;
    this.#hasGivenUp = true;
    const log = this.#epochRanges();
    for (const { command, start, end } of this.#live()) if (isLossy(command)) log.addExact(start, end);
    this.#clear();
  }

  #epochRanges(): RangeLog {
    if (this.#epochLog !== undefined) return this.#epochLog;
    const log = new RangeLog();
    this.#epochLog = log;
    this.#givenUp.set(this.#epoch, log);
    this.#joinEpochs();
    return log;
  }

  /** Flushes that fail again and again each leave an epoch behind. Of the two oldest, the later one speaks for both. */
  #joinEpochs(): void {
    const [first, second] = this.#givenUp;
    if (this.#givenUp.size <= epochsMax || first === undefined || second === undefined) return;
    second[1].addAll(first[1].intervals());
    this.#givenUp.delete(first[0]);
  }

  #append(command: number, request: Request, payload: Uint8Array | undefined): void {
    const { flags, offsetHigh, offsetLow, lengthHigh, lengthLow } = request;
    const loan = this.#hasReturnedLoans ? undefined : request.details?.loan;
    let block: PayloadMemory | undefined;
    let position = 0;
    if (payload !== undefined && loan !== undefined) {
      block = this.#retain(new LentPayload(payload, loan));
    } else if (payload !== undefined) {
      const copies = this.#memory.take(payload.length);
      block = copies;
      position = this.#copy(copies, payload);
    }
    const number = ++this.#lastNumber;
    this.#entries.push(
      new JournalEntry(number, command, flags, offsetHigh, offsetLow, lengthHigh, lengthLow, block, position),
    );
  }

  #copy(block: JournalBlock, payload: Uint8Array): number {
    const position = block.used;
    block.bytes.set(payload, position);
    block.used += payload.length;
    this.#bytes += payload.length;
    return position;
  }

  #retain(payload: LentPayload): LentPayload {
    payload.retain();
    this.#bytes += payload.bytes.length;
    return payload;
  }

  #release(memory: PayloadMemory): void {
    if (memory instanceof LentPayload) memory.release();
    else this.#memory.release(memory);
  }

  /** Cuts away of each entry what later ones have covered, and moves what is left of the payloads together. */
  #coalesce(): void {
    const old = this.#live();
    const covered = new IntervalSet<bigint>();
    const kept: { readonly entry: JournalEntry; readonly start: bigint; readonly end: bigint }[] = [];
    for (let index = old.length - 1; index >= 0; index--) {
      const entry = old[index] as JournalEntry;
      for (const [start, end] of covered.cover(entry.start, entry.end)) kept.push({ entry, start, end });
    }
    this.#entries = [];
    this.#front = 0;
    this.#bytes = 0;
    // Still by age, which FLUSH goes by; of one age, so that neighbours are neighbours in memory, too.
    kept.sort((one, other) => one.entry.number - other.entry.number || (one.start < other.start ? -1 : 1));
    for (const { entry, start, end } of kept) this.#entries.push(this.#part(entry, start, end));
    for (const { block } of old) if (block !== undefined) this.#release(block);
  }

  /** A part of an entry as an entry, with a copy of the payload of its own. Lent memory of which all is needed stays where it is. */
  #part(entry: JournalEntry, start: bigint, end: bigint): JournalEntry {
    const { number, command, flags, start: whole, block, position } = entry;
    if (block instanceof LentPayload && start === whole && end === entry.end) {
      this.#retain(block);
      return entry;
    }
    const { offsetHigh, offsetLow, lengthHigh, lengthLow } = requestOf(command, flags, start, end - start);
    let copied: JournalBlock | undefined;
    let place = 0;
    if (block !== undefined) {
      const from = position + Number(start - whole);
      const payload = block.bytes.subarray(from, from + Number(end - start));
      copied = this.#memory.take(payload.length);
      place = this.#copy(copied, payload);
    }
    return new JournalEntry(number, command, flags, offsetHigh, offsetLow, lengthHigh, lengthLow, copied, place);
  }

  #drop(entry: JournalEntry): void {
    if (entry.block === undefined) return;
    this.#bytes -= entry.payloadBytes;
    this.#release(entry.block);
  }

  #cutOff(): void {
    if (this.#count > 0 && this.#front < cutOffCount) return;
    this.#entries = this.#live();
    this.#front = 0;
  }

  #clear(): void {
    for (const entry of this.#live()) this.#drop(entry);
    this.#entries = [];
    this.#front = 0;
  }

  #live(): JournalEntry[] {
    return this.#entries.slice(this.#front);
  }
}

/** Whether anything is lost when the effect of a command is gone; what was trimmed is not in use any more. */
function isLossy(command: number): boolean {
  return command !== stable && command !== Command.Trim;
}

/** Whether one entry goes on where another has ended, in the export and in memory, in the same way. */
function continues(last: JournalEntry, next: JournalEntry, end: bigint): boolean {
  if (next.start !== end || next.command !== last.command || next.flags !== last.flags) return false;
  return next.block === last.block && (next.block === undefined || next.position === last.position + last.payloadBytes);
}
