/** What the fast path has to know of an export, in plain numbers. */
import type { Checks } from './checks.ts';

/** Ranges that are one request each, and about which nothing needs a second look. */
export class SimpleRanges {
  /** Where they end at the latest. Nothing fits before the device is open, and when it is closed. */
  readonly #end: number;
  readonly #lengthMax: number;
  readonly #blockMask: number;
  readonly isWritable: boolean;
  readonly hasFua: boolean;
  /** Flags of each write. */
  readonly writeFlags: number;

  constructor(checks?: Checks) {
    this.#end = checks === undefined ? -1 : Math.min(Number(checks.tailStart), Number.MAX_SAFE_INTEGER);
    this.#lengthMax = checks?.payloadBytesMax ?? 0;
    this.#blockMask = checks?.needsAlignment ? checks.geometry.minimumBlockSize - 1 : 0;
    this.isWritable = checks?.abilities.readOnly === false;
    this.hasFua = checks?.abilities.fua === true;
    this.writeFlags = checks?.writeFlags({}) ?? 0;
  }

  include(offset: number, length: number): boolean {
    return (
      offset >= 0 &&
      length > 0 &&
      length <= this.#lengthMax &&
      offset + length <= this.#end &&
      // Bit operations see the lower half of an offset, which is where block sizes are.
      ((offset | length) & this.#blockMask) === 0 &&
      Number.isInteger(offset)
    );
  }
}
