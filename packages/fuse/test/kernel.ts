/** Messages as the kernel sends them, and replies as it reads them. */
import { headerBytes, replyHeaderBytes } from '../src/protocol/numbers.ts';

/** A field: how many bits, and its value. */
export type Field = readonly [bits: 16 | 32 | 64, value: number | bigint];

export function fields(...list: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(list.reduce((sum, [bits]) => sum + bits / 8, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [bits, value] of list) {
    if (bits === 64) view.setBigUint64(at, BigInt(value), true);
    else if (bits === 32) view.setUint32(at, Number(value), true);
    else view.setUint16(at, Number(value), true);
    at += bits / 8;
  }
  return bytes;
}

/** A whole message. */
export function message(opcode: number, unique: number, node: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const header = fields(
    [32, headerBytes + content.length],
    [32, opcode],
    [64, unique],
    [64, node],
    [32, 1000],
    [32, 1000],
    [32, 4242],
    [32, 0],
  );
  return new Uint8Array(Buffer.concat([header, content]));
}

export interface Reply {
  readonly unique: number;
  /** 0, or the number of an error. */
  readonly error: number;
  readonly content: DataView;
}

/** Reads a reply, and holds it to its form. */
export function readReply(bytes: Uint8Array): Reply {
  const view = new DataView(bytes.slice().buffer);
  if (view.getUint32(0, true) !== bytes.length) throw new Error(`a reply of ${bytes.length} bytes says otherwise`);
  const content = new DataView(view.buffer, replyHeaderBytes);
  return { unique: Number(view.getBigUint64(8, true)), error: Math.abs(view.getInt32(4, true)), content };
}

export const name = (text: string): Uint8Array => Buffer.from(`${text}\0`);
export const read = (offset: number | bigint, length: number): Uint8Array =>
  fields([64, 0], [64, offset], [32, length], [32, 0], [64, 0], [32, 0], [32, 0]);
export const write = (offset: number | bigint, bytes: Uint8Array, length = bytes.length): Uint8Array =>
  Buffer.concat([fields([64, 0], [64, offset], [32, length], [32, 0], [64, 0], [32, 0], [32, 0]), bytes]);
export const seek = (offset: number | bigint, whence: number): Uint8Array =>
  fields([64, 0], [64, offset], [32, whence], [32, 0]);
export const allocate = (offset: number | bigint, length: number | bigint, mode: number): Uint8Array =>
  fields([64, 0], [64, offset], [64, length], [32, mode], [32, 0]);
export const open = (flags: number): Uint8Array => fields([32, flags], [32, 0]);

/** `SetAttributes`: which, and the size. */
export function setAttributes(valid: number, size: number | bigint): Uint8Array {
  const zeroes = (count: number): Field[] => Array.from({ length: count }, () => [64, 0] as const);
  return fields([32, valid], [32, 0], [64, 0], [64, size], ...zeroes(8));
}

/** `Init` of a kernel that knows all flags. */
export const init = (major = 7, minor = 41, flags = 0xffff_ffff): Uint8Array =>
  fields(
    [32, major],
    [32, minor],
    [32, 131_072],
    [32, flags],
    [32, 0xffff_ffff],
    ...Array.from({ length: 11 }, () => [32, 0] as const),
  );
