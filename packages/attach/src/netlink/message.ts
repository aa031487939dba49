/** Messages of netlink and of its generic family (linux/netlink.h, linux/genetlink.h). */
import { type Attribute, alignedBytes, contentOf, decodeAttributes, textOf } from './attribute.ts';
import { ByteReader } from './byte-reader.ts';
import { DamagedMessage } from './damaged-message.ts';

/** `struct nlmsghdr`. */
const headerBytes = 16;
/** `struct genlmsghdr`. */
const genericHeaderBytes = 4;

const Flag = { Request: 1, Acknowledge: 4, Capped: 0x100, AcknowledgementHasAttributes: 0x200 } as const;
const Type = { Error: 2, Done: 3 } as const;
/** Lower numbers are netlink's own types. */
const familyTypeMin = 0x10;

/** What is asked of a family. */
export interface GenericRequest {
  /** The number of the family. */
  readonly family: number;
  readonly command: number;
  readonly version: number;
  /** The answers have it again. */
  readonly sequence: number;
  readonly attributes: readonly Uint8Array[];
}

/** An answer. `done`: the last one; with an error number other than 0 when the request has failed. */
export type Answer =
  | {
      readonly type: 'message';
      readonly sequence: number;
      readonly command: number;
      readonly attributes: readonly Attribute[];
    }
  | {
      readonly type: 'done';
      readonly sequence: number;
      /** Positive, as in `errno`; 0 for success. */
      readonly errorNumber: number;
      /** What the kernel says about the error, if it says something. */
      readonly text: string | undefined;
    };

/** Makes a request whose last answer is of type `done`. */
export function encodeRequest({ family, command, version, sequence, attributes }: GenericRequest): Uint8Array {
  const content = Buffer.concat(attributes);
  const bytes = Buffer.alloc(headerBytes + genericHeaderBytes + content.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(family, 4);
  bytes.writeUInt16LE(Flag.Request | Flag.Acknowledge, 6);
  bytes.writeUInt32LE(sequence, 8);
  // At 12 the number of the sender, which the kernel knows.
  bytes.writeUInt8(command, headerBytes);
  bytes.writeUInt8(version, headerBytes + 1);
  content.copy(bytes, headerBytes + genericHeaderBytes);
  return bytes;
}

/**
 * Returns the messages in the bytes of one delivery.
 *
 * @throws DamagedMessage where a message is cut off, or is none.
 */
export function decodeAnswers(bytes: Uint8Array): readonly Answer[] {
  const answers: Answer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const byteCount = new ByteReader(bytes.subarray(offset), 'message').u32(0);
    if (byteCount < headerBytes || offset + byteCount > bytes.length) {
      throw new DamagedMessage(`message has ${byteCount} bytes, and ${bytes.length - offset} are left`);
    }
    const answer = decodeAnswer(bytes.subarray(offset, offset + byteCount));
    if (answer !== undefined) answers.push(answer);
    offset += alignedBytes(byteCount);
  }
  return answers;
}

function decodeAnswer(bytes: Uint8Array): Answer | undefined {
  const reader = new ByteReader(bytes, 'message');
  const type = reader.u16(4);
  const flags = reader.u16(6);
  const sequence = reader.u32(8);
  if (type === Type.Error) return decodeError(bytes, flags, sequence);
  if (type === Type.Done) return { type: 'done', sequence, errorNumber: 0, text: undefined };
  if (type < familyTypeMin) return undefined;
  const command = reader.u8(headerBytes);
  const attributes = decodeAttributes(bytes.subarray(headerBytes + genericHeaderBytes));
  return { type: 'message', sequence, command, attributes };
}

/** `struct nlmsgerr`: the number, the request's header or all of the request, and then attributes. An acknowledgement has the number 0. */
function decodeError(bytes: Uint8Array, flags: number, sequence: number): Answer {
  const reader = new ByteReader(bytes, 'error');
  const errorNumber = -reader.i32(headerBytes);
  if (errorNumber < 0) throw new DamagedMessage(`error has the number ${-errorNumber}, expected none above 0`);
  const text = (flags & Flag.AcknowledgementHasAttributes) === 0 ? undefined : errorText(bytes, reader, flags);
  return { type: 'done', sequence, errorNumber: errorNumber === 0 ? 0 : errorNumber, text };
}

/** NLMSGERR_ATTR_MSG. */
const textAttribute = 1;

function errorText(bytes: Uint8Array, reader: ByteReader, flags: number): string | undefined {
  const requestAt = headerBytes + 4;
  const requestBytes = (flags & Flag.Capped) === 0 ? reader.u32(requestAt) : headerBytes;
  const attributes = decodeAttributes(bytes.subarray(requestAt + alignedBytes(requestBytes)));
  const content = contentOf(attributes, textAttribute);
  return content === undefined ? undefined : textOf(content);
}
