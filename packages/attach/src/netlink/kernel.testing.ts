/** The kernel's side of generic netlink, for tests: reads requests and makes answers. */
import { type Attribute, decodeAttributes, encodeText } from './attribute.ts';

export interface ReceivedRequest {
  readonly family: number;
  readonly sequence: number;
  readonly command: number;
  readonly version: number;
  readonly attributes: readonly Attribute[];
}

export function requestOf(message: Uint8Array): ReceivedRequest {
  const bytes = Buffer.from(message);
  if (bytes.readUInt32LE(0) !== bytes.length)
    throw new Error(`request says ${bytes.readUInt32LE(0)} bytes, and has ${bytes.length}`);
  return {
    family: bytes.readUInt16LE(4),
    sequence: bytes.readUInt32LE(8),
    command: bytes.readUInt8(16),
    version: bytes.readUInt8(17),
    attributes: decodeAttributes(bytes.subarray(20)),
  };
}

/** A message that answers a request. */
export function answer({ family, sequence, command }: ReceivedRequest, attributes: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat([Buffer.alloc(20), ...attributes]);
  writeHeader(bytes, family, 0, sequence);
  bytes.writeUInt8(command, 16);
  bytes.writeUInt8(1, 17);
  return bytes;
}

/** The last answer to a request. */
export function done({ sequence }: ReceivedRequest, errorNumber = 0, text?: string): Uint8Array {
  const attributes = text === undefined ? [] : [encodeText(1, text)];
  const bytes = Buffer.concat([Buffer.alloc(36), ...attributes]);
  writeHeader(bytes, 2, 0x100 | (text === undefined ? 0 : 0x200), sequence);
  bytes.writeInt32LE(-errorNumber, 16);
  return bytes;
}

function writeHeader(bytes: Buffer, type: number, flags: number, sequence: number): void {
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
}
