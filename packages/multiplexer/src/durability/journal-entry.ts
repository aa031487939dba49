/** One writing request in a journal. */

import { joinHalves } from '../requests/request.ts';
import type { JournalBlock } from './journal-blocks.ts';
import type { LentPayload } from './loan.ts';

/** Stands for FUA writes: they need no replay, but older writes must not be replayed over them. */
export const stable = -1;

/** Where a payload is: among copies of others, or where its caller has it. */
export type PayloadMemory = JournalBlock | LentPayload;

/** 64-bit numbers are kept as halves: making big integers of them would cost as much as all the rest. */
export class JournalEntry {
  /** Ascending in the order of acknowledgement. */
  readonly number: number;
  /** Of the wire, or `stable`. */
  readonly command: number;
  readonly flags: number;
  readonly #offsetHigh: number;
  readonly #offsetLow: number;
  readonly #lengthHigh: number;
  readonly #lengthLow: number;
  /** Where the payload is, if there is one, and at which position. */
  readonly block: PayloadMemory | undefined;
  readonly position: number;

  constructor(
    number: number,
    command: number,
    flags: number,
    offsetHigh: number,
    offsetLow: number,
    lengthHigh: number,
    lengthLow: number,
    block: PayloadMemory | undefined,
    position: number,
  ) {
    this.number = number;
    this.command = command;
    this.flags = flags;
    this.#offsetHigh = offsetHigh;
    this.#offsetLow = offsetLow | 0;
    this.#lengthHigh = lengthHigh;
    this.#lengthLow = lengthLow | 0;
    this.block = block;
    this.position = position;
  }

  get start(): bigint {
    return joinHalves(this.#offsetHigh, this.#offsetLow >>> 0);
  }

  get end(): bigint {
    return this.start + joinHalves(this.#lengthHigh, this.#lengthLow >>> 0);
  }

  get payloadBytes(): number {
    return this.block === undefined ? 0 : this.#lengthLow;
  }
}
