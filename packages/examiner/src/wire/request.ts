/** A request as a rule words it, and its bytes. */
import { requestHeaderBytes, writeExtendedRequest, writeRequest } from '@nbdjs/protocol';

/** Any request, well formed or not. */
export interface Request {
  readonly command: number;
  /** @default 0 */
  readonly flags?: number | undefined;
  /** In bytes. @default 0 */
  readonly offset?: bigint | undefined;
  /** In bytes, as the header says it. @default the length of the payload */
  readonly length?: bigint | number | undefined;
  readonly payload?: Uint8Array | undefined;
  /** @default another one for each request */
  readonly cookie?: bigint | undefined;
}

/** Encodes the header of a request. */
export function encodeHeader(request: Request, cookie: bigint, isExtended: boolean): Uint8Array {
  const bytes = new Uint8Array(requestHeaderBytes(isExtended));
  const view = new DataView(bytes.buffer);
  const { command, flags = 0, offset = 0n } = request;
  const length = lengthOf(request);
  const numbers = [...halves(cookie), ...halves(offset)] as const;
  if (isExtended) writeExtendedRequest(view, 0, flags, command, ...numbers, ...halves(length));
  else writeRequest(view, 0, flags, command, ...numbers, halves(length)[1]);
  return bytes;
}

/** The length in the header. */
export function lengthOf({ length, payload }: Request): bigint {
  return BigInt(length ?? payload?.length ?? 0);
}

function halves(value: bigint): [high: number, low: number] {
  return [Number(value >> 32n), Number(value & 0xffff_ffffn)];
}
