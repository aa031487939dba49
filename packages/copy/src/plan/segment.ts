/** The unit of work of a copy. */

/** A part of the source that is read, or zeroed, at once. In bytes. */
export interface Segment {
  readonly offset: bigint;
  readonly length: bigint;
  /** Reads as zeroes, and need not be read. */
  readonly isZero: boolean;
}

/** An offset or a length as a number where that is exact: devices are quicker with those. */
export function plain(offset: bigint): number | bigint {
  return offset <= Number.MAX_SAFE_INTEGER ? Number(offset) : offset;
}

/** Where a request that begins at `offset` ends: data goes in requests that end at multiples of their size. */
export function requestEnd(offset: bigint, requestSize: number): bigint {
  const size = BigInt(requestSize);
  return offset + size - (offset % size);
}
