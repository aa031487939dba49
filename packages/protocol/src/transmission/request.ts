/**
 * Requests on the wire ("Request message" and "Extended request message" of the specification).
 *
 * Everything is a plain number: 64-bit fields come as two 32-bit halves, so that the hot path needs no bigint.
 */
import { HeaderBytes, TransmissionMagic } from '../constants/magic.ts';

/** Writes a compact request header, 28 bytes, at `position`. */
export function writeRequest(
  view: DataView,
  position: number,
  flags: number,
  type: number,
  cookieHigh: number,
  cookieLow: number,
  offsetHigh: number,
  offsetLow: number,
  length: number,
): void {
  view.setUint32(position, TransmissionMagic.Request);
  view.setUint16(position + 4, flags);
  view.setUint16(position + 6, type);
  view.setUint32(position + 8, cookieHigh);
  view.setUint32(position + 12, cookieLow);
  view.setUint32(position + 16, offsetHigh);
  view.setUint32(position + 20, offsetLow);
  view.setUint32(position + 24, length);
}

/** Writes an extended request header, 32 bytes, at `position`. */
export function writeExtendedRequest(
  view: DataView,
  position: number,
  flags: number,
  type: number,
  cookieHigh: number,
  cookieLow: number,
  offsetHigh: number,
  offsetLow: number,
  lengthHigh: number,
  lengthLow: number,
): void {
  view.setUint32(position, TransmissionMagic.ExtendedRequest);
  view.setUint16(position + 4, flags);
  view.setUint16(position + 6, type);
  view.setUint32(position + 8, cookieHigh);
  view.setUint32(position + 12, cookieLow);
  view.setUint32(position + 16, offsetHigh);
  view.setUint32(position + 20, offsetLow);
  view.setUint32(position + 24, lengthHigh);
  view.setUint32(position + 28, lengthLow);
}

/** Length in bytes of every request header in a mode. */
export function requestHeaderBytes(extended: boolean): number {
  return extended ? HeaderBytes.ExtendedRequest : HeaderBytes.Request;
}

/** The payload that narrows a block status request to some contexts: effect length, then the contexts' numbers. */
export function encodeBlockStatusPayload(effectLength: bigint, contextIds: readonly number[]): Uint8Array {
  const payload = new Uint8Array(8 + 4 * contextIds.length);
  const view = new DataView(payload.buffer);
  view.setBigUint64(0, effectLength);
  contextIds.forEach((id, index) => {
    view.setUint32(8 + 4 * index, id);
  });
  return payload;
}

/** Decodes what `encodeBlockStatusPayload` makes; `undefined` when no such payload can have this length (S74). */
export function decodeBlockStatusPayload(
  payload: Uint8Array,
): { readonly effectLength: bigint; readonly contextIds: readonly number[] } | undefined {
  if (payload.length < 12 || payload.length % 4 !== 0) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const contextIds: number[] = [];
  for (let position = 8; position < payload.length; position += 4) contextIds.push(view.getUint32(position));
  return { effectLength: view.getBigUint64(0), contextIds };
}
