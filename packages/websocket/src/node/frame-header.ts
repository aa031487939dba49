/** The headers of WebSocket frames (RFC 6455, section 5.2). */

/** The kinds of frames. */
export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Control frames are no longer than this, in bytes. */
export const controlBytesMax = 125;

/** A header that is understood. */
export interface FrameHeader {
  /** Whether the message ends with this frame. */
  readonly fin: boolean;
  /** Whether one of the bits is set that only extensions use. */
  readonly hasExtension: boolean;
  /** One of `opcode`, or an unknown number. */
  readonly opcode: number;
  /** Whether the payload is masked. */
  readonly isMasked: boolean;
  /** Bytes of the payload. */
  readonly length: number;
  /** Bytes of the header itself. */
  readonly headerBytes: number;
  /** Where the mask begins in the bytes that were given; meaningless without a mask. */
  readonly maskAt: number;
}

/**
 * Understands a header at the start of some bytes. Returns `undefined` when there are too few of them. A length that no number can hold
 * counts as the greatest one.
 */
export function decodeHeader(bytes: Uint8Array): FrameHeader | undefined {
  if (bytes.length < 2) return undefined;
  const [first, second] = [bytes[0] as number, bytes[1] as number];
  const isMasked = second >= 0x80;
  const short = second & 0x7f;
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const maskAt = 2 + lengthBytes;
  const headerBytes = maskAt + (isMasked ? 4 : 0);
  if (bytes.length < headerBytes) return undefined;
  return {
    fin: first >= 0x80,
    hasExtension: (first & 0x70) !== 0,
    opcode: first & 0x0f,
    isMasked,
    length: lengthBytes === 0 ? short : lengthIn(bytes, lengthBytes),
    headerBytes,
    maskAt,
  };
}

function lengthIn(bytes: Uint8Array, lengthBytes: number): number {
  let length = 0;
  for (let index = 2; index < 2 + lengthBytes; index++) length = length * 256 + (bytes[index] as number);
  return Math.min(length, Number.MAX_SAFE_INTEGER);
}

/** Encodes the header of a whole message, or of a control frame. */
export function encodeHeader(code: number, length: number, mask: Uint8Array | undefined): Uint8Array {
  const lengthBytes = length > 0xffff ? 8 : length > controlBytesMax ? 2 : 0;
  const header = new Uint8Array(2 + lengthBytes + (mask === undefined ? 0 : 4));
  header[0] = 0x80 | code;
  header[1] = (mask === undefined ? 0 : 0x80) | (lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : length);
  for (let index = 1 + lengthBytes, rest = length; index > 1 && lengthBytes > 0; index--) {
    header[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  if (mask !== undefined) header.set(mask, 2 + lengthBytes);
  return header;
}
