/** Which bytes of a read its chunks have delivered: each exactly once (checklist C53, C54). */
import { IntervalSet } from '@nbdjs/kit';
import { describe, violation } from '../errors.ts';
import type { Request } from '../requests/request.ts';

/** What violations show of the stream; asked for only when there is one. */
export interface Excerpt {
  readonly excerpt: Uint8Array;
}

/**
 * Records that a chunk covers `length` bytes of the read from the given place of the export on. Chunks in order cost
 * nothing but an addition. Of stretches with gaps between them there may be `stretchesMax` at a time.
 *
 * @returns where in the read that is.
 * @throws ProtocolError when it lies outside of the read, overlaps with an earlier chunk or makes too many stretches.
 */
export function cover(
  request: Request,
  offsetHigh: number,
  offsetLow: number,
  length: number,
  stretchesMax: number,
  stream: Excerpt,
): number {
  const start = (offsetHigh - request.offsetHigh) * 2 ** 32 + (offsetLow - (request.offsetLow >>> 0));
  const end = start + length;
  if (start < 0 || end > request.lengthLow) {
    const message = `${describe(request)}: a chunk covers bytes ${start} to ${end} of the ${request.lengthLow} asked for`;
    throw violation('chunk-out-of-range', message, 'C54', stream.excerpt);
  }
  const stretches = request.details?.stretches;
  if (stretches === undefined && start === request.coveredBytes) {
    request.coveredBytes = end;
    return start;
  }
  insert(request, start, end, stretchesMax, stream);
  request.coveredBytes += length;
  return start;
}

/** @throws ProtocolError when bytes are missing although the reply reports no error. */
export function requireFullCoverage(request: Request, stream: Excerpt): void {
  if (request.coveredBytes === request.lengthLow) return;
  const message = `${describe(request)}: the reply delivers ${request.coveredBytes} of the ${request.lengthLow} bytes asked for`;
  throw violation('short-read', message, 'C54', stream.excerpt);
}

/** Keeps the covered stretches as a set. */
function insert(request: Request, start: number, end: number, stretchesMax: number, stream: Excerpt): void {
  const details = request.detailed();
  details.stretches ??= stretchesOf(request.coveredBytes);
  const { stretches } = details;
  if (!stretches.insert(start, end)) {
    const message = `${describe(request)}: a chunk delivers bytes ${start} to ${end} once more`;
    throw violation('chunk-overlap', message, 'C54', stream.excerpt);
  }
  // Each new one takes time in proportion to how many there are.
  if (stretches.count > stretchesMax) {
    const message = `${describe(request)}: chunks deliver more than ${stretchesMax} stretches with gaps between them`;
    throw violation('too-many-stretches', message, 'G6', stream.excerpt);
  }
}

/** What chunks in order have covered so far. */
function stretchesOf(coveredBytes: number): IntervalSet<number> {
  const stretches = new IntervalSet<number>();
  if (coveredBytes > 0) stretches.add(0, coveredBytes);
  return stretches;
}
