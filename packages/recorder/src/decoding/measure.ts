/** Where messages end: what a listener has to know about the first bytes of each. */

import type { FrameKind } from './frame.ts';
import { quotedHex } from './quoted-hex.ts';
import type { Request } from './requests-in-flight.ts';

/** The extent of a message. */
export interface Measure {
  readonly kind: FrameKind;
  /** Bytes that are kept: the header, and content up to a bound. */
  readonly wireBytes: number;
  /** Bytes behind them. */
  readonly payloadBytes: number;
  readonly request?: Request | undefined;
  readonly note?: string | undefined;
}

/** Measures the message that begins with the bytes of `view`. A number: so many bytes are needed to do that. */
export type MeasureMessage = (view: DataView) => Measure | number;

/** All bytes from here on are TLS. */
export const encrypted: Measure = { kind: 'encrypted', wireBytes: 0, payloadBytes: Number.POSITIVE_INFINITY };

/** All bytes from here on are no messages. */
export function undecoded(note: string): Measure {
  return { kind: 'undecoded', wireBytes: 0, payloadBytes: Number.POSITIVE_INFINITY, note };
}

/** The same for bytes that no message begins with. */
export function unexpected(view: DataView, byteCount: number, expected: string): Measure {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, Math.min(view.byteLength, byteCount));
  return undecoded(`a message begins with ${quotedHex(bytes)}, expected ${expected}`);
}

/** A message with content, of which the part behind `contentBytesMax` counts as payload. */
export function withContent(
  kind: FrameKind,
  headerBytes: number,
  contentBytes: number,
  contentBytesMax: number,
  request?: Request,
  note?: string,
): Measure {
  const kept = Math.min(contentBytes, contentBytesMax);
  return { kind, wireBytes: headerBytes + kept, payloadBytes: contentBytes - kept, request, note };
}
