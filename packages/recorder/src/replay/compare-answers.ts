/** Compares two answers to one request. */
import { hexOf, isZero } from '@nbdjs/kit';
import type { Request } from '../decoding/requests-in-flight.ts';
import type { MessageExtent } from '../messages/message.ts';
import type { PayloadHash } from '../recording/session-log.ts';
import type { Answer, DataPiece } from './answer.ts';

/** How an answer differs from the recorded one. */
export interface AnswerDifference {
  /** In words. */
  readonly what: string;
  /** Where, as an offset of the export in bytes. */
  readonly offset?: bigint | undefined;
  /** The recorded bytes from there on, as hexadecimal digits: at most 32 bytes. */
  readonly expected?: string | undefined;
  /** The bytes that have come now. */
  readonly got?: string | undefined;
}

/** Bytes that a difference shows. */
const shownBytes = 32;

/**
 * Returns the first difference, or `undefined`. Chunks do not matter, only what they say; extents are compared as far as both answers go.
 *
 * @param data The data that has come now, zeroes for holes; `undefined` when the request was not a read.
 */
export function compareAnswers(
  request: Request,
  recorded: Answer,
  now: Answer,
  data: Uint8Array | undefined,
  createHash: (() => PayloadHash) | undefined,
): AnswerDifference | undefined {
  if (recorded.error !== now.error) {
    return { what: `the answer is ${now.error ?? 'a success'}, expected ${recorded.error ?? 'a success'}` };
  }
  if (recorded.error !== undefined) return undefined;
  for (const piece of data === undefined ? [] : recorded.pieces) {
    const difference = comparePiece(request, piece, data ?? piece.bytes, createHash);
    if (difference !== undefined) return difference;
  }
  for (const [context, extents] of recorded.extents) {
    const difference = compareExtents(request, context, extents, now.extents.get(context));
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function comparePiece(
  { offset }: Request,
  { at, length, bytes, sha256, isHole }: DataPiece,
  data: Uint8Array = new Uint8Array(0),
  createHash: (() => PayloadHash) | undefined,
): AnswerDifference | undefined {
  const got = data.subarray(at, at + length);
  const place = (index: number): bigint => offset + BigInt(at + index);
  if (isHole) {
    if (isZero(got)) return undefined;
    const index = got.findIndex((byte) => byte !== 0);
    const zeroes = new Uint8Array(shownBytes);
    return { what: 'the data is not zero', offset: place(index), ...shown(zeroes, got.subarray(index)) };
  }
  if (bytes !== undefined) {
    const index = firstDifference(bytes, got);
    if (index === undefined) return undefined;
    return { what: 'the data differs', offset: place(index), ...shown(bytes.subarray(index), got.subarray(index)) };
  }
  if (sha256 === undefined || createHash === undefined) return undefined;
  const hash = createHash();
  hash.update(got);
  const found = hexOf(hash.digest());
  if (found === sha256) return undefined;
  const what = `the SHA-256 of ${length} bytes is ${found}, expected ${sha256}`;
  return { what, offset: place(0), got: hexOf(got.subarray(0, shownBytes)) };
}

function shown(expected: Uint8Array, got: Uint8Array): Pick<AnswerDifference, 'expected' | 'got'> {
  return { expected: hexOf(expected.subarray(0, shownBytes)), got: hexOf(got.subarray(0, shownBytes)) };
}

function firstDifference(one: Uint8Array, other: Uint8Array): number | undefined {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) if (one[index] !== other[index]) return index;
  return one.length === other.length ? undefined : length;
}

function compareExtents(
  { offset }: Request,
  context: string,
  recorded: readonly MessageExtent[],
  now: readonly MessageExtent[] | undefined,
): AnswerDifference | undefined {
  if (now === undefined) return { what: `there are no extents of ${context}` };
  const [one, other] = [new ExtentReader(recorded), new ExtentReader(now)];
  for (let at = 0n; ; ) {
    const [expected, got] = [one.present, other.present];
    if (expected === undefined || got === undefined) return undefined;
    if (expected.status !== got.status) {
      return { what: `the status in ${context} is ${got.status}, expected ${expected.status}`, offset: offset + at };
    }
    const length = expected.length < got.length ? expected.length : got.length;
    one.take(length);
    other.take(length);
    at += length;
  }
}

/** Reads extents piece by piece. */
class ExtentReader {
  readonly #extents: readonly MessageExtent[];
  #index = 0;
  #taken = 0n;

  constructor(extents: readonly MessageExtent[]) {
    this.#extents = extents.filter(({ length }) => length > 0n);
  }

  /** What is left of the present extent. */
  get present(): MessageExtent | undefined {
    const extent = this.#extents[this.#index];
    return extent && { length: extent.length - this.#taken, status: extent.status };
  }

  take(length: bigint): void {
    this.#taken += length;
    if (this.#taken < (this.#extents[this.#index]?.length ?? 0n)) return;
    this.#taken = 0n;
    this.#index++;
  }
}
