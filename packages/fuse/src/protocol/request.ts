/** Requests of the kernel, decoded. A message is whole: one read of the device gives one. */
import type { Offset } from '@nbdjs/interfaces';
import { headerBytes } from './numbers.ts';

/** The header of a request. */
export interface RequestHeader {
  readonly opcode: number;
  /** The number that its reply has to carry. The kernel counts up by two. */
  readonly unique: number;
  /** The file that it is about. */
  readonly node: number;
}

/** A message as it came, which is valid only until the next one is read. */
export class Message {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Returns `undefined` for what is no request: shorter than a header, or of another length than its header says. */
  header(): RequestHeader | undefined {
    if (this.bytes.length < headerBytes || this.#view.getUint32(0, true) !== this.bytes.length) return undefined;
    return { opcode: this.#view.getUint32(4, true), unique: this.#safe(8), node: this.#safe(16) };
  }

  /** Whether there are so many bytes of arguments. */
  hasArguments(byteCount: number): boolean {
    return this.bytes.length >= headerBytes + byteCount;
  }

  /** Of the arguments: the 16 bits at this position. */
  uint16(at: number): number {
    return this.#view.getUint16(headerBytes + at, true);
  }

  /** Of the arguments: the 32 bits at this position. */
  uint32(at: number): number {
    return this.#view.getUint32(headerBytes + at, true);
  }

  /** Of the arguments: the 64 bits at this position. */
  uint64(at: number): Offset {
    const high = this.#view.getUint32(headerBytes + at + 4, true);
    if (high < 2 ** 21) return high * 2 ** 32 + this.#view.getUint32(headerBytes + at, true);
    return this.#view.getBigUint64(headerBytes + at, true);
  }

  /** Of the arguments: what follows this position. */
  rest(at: number): Uint8Array {
    return this.bytes.subarray(headerBytes + at);
  }

  /** Numbers that the kernel counts, or that we gave it. */
  #safe(at: number): number {
    return this.#view.getUint32(at + 4, true) * 2 ** 32 + this.#view.getUint32(at, true);
  }
}

/** `Init`: what the kernel speaks, and can do. */
export interface InitRequest {
  readonly major: number;
  readonly minor: number;
  /** Bytes that it reads ahead at most. */
  readonly readAheadBytes: number;
  readonly flags: number;
  /** The second 32 flags. */
  readonly flags2: number;
}

export function initRequest(message: Message): InitRequest | undefined {
  if (!message.hasArguments(16)) return undefined;
  const flags2 = message.hasArguments(20) ? message.uint32(16) : 0;
  return {
    major: message.uint32(0),
    minor: message.uint32(4),
    readAheadBytes: message.uint32(8),
    flags: message.uint32(12),
    flags2,
  };
}

/** `Lookup`: the name, without the zero byte at its end. */
export function nameRequest(message: Message): string | undefined {
  const bytes = message.rest(0);
  const end = bytes.indexOf(0);
  return end < 0 ? undefined : new TextDecoder().decode(bytes.subarray(0, end));
}

/** `SetAttributes`: only what is looked at. */
export interface AttributesRequest {
  /** Which attributes are set (`AttributeFlag`). */
  readonly valid: number;
  /** In bytes. */
  readonly size: Offset;
  /** Seconds since 1970. */
  readonly modifiedSeconds: Offset;
  readonly modifiedNanoseconds: number;
}

export function attributesRequest(message: Message): AttributesRequest | undefined {
  if (!message.hasArguments(88)) return undefined;
  return {
    valid: message.uint32(0),
    size: message.uint64(16),
    modifiedSeconds: message.uint64(40),
    modifiedNanoseconds: message.uint32(60),
  };
}

/** `Open` and `OpenDirectory`: the flags of `open`. */
export function openRequest(message: Message): number | undefined {
  return message.hasArguments(8) ? message.uint32(0) : undefined;
}

/** A range of a file. Of a directory: which entries were read already, and room for the next ones. */
export interface RangeRequest {
  readonly offset: Offset;
  /** In bytes. */
  readonly length: number;
}

export function readRequest(message: Message): RangeRequest | undefined {
  return message.hasArguments(40) ? { offset: message.uint64(8), length: message.uint32(16) } : undefined;
}

/** `Write`, with its bytes: a view of the message. */
export interface WriteRequest {
  readonly offset: Offset;
  readonly bytes: Uint8Array;
}

export function writeRequest(message: Message): WriteRequest | undefined {
  if (!message.hasArguments(40)) return undefined;
  const bytes = message.rest(40);
  return bytes.length === message.uint32(16) ? { offset: message.uint64(8), bytes } : undefined;
}

export interface AllocateRequest {
  readonly offset: Offset;
  /** In bytes. */
  readonly length: Offset;
  /** `AllocateMode`. */
  readonly mode: number;
}

export function allocateRequest(message: Message): AllocateRequest | undefined {
  if (!message.hasArguments(32)) return undefined;
  return { offset: message.uint64(8), length: message.uint64(16), mode: message.uint32(24) };
}

export interface SeekRequest {
  readonly offset: Offset;
  /** `Whence`. */
  readonly whence: number;
}

export function seekRequest(message: Message): SeekRequest | undefined {
  return message.hasArguments(24) ? { offset: message.uint64(8), whence: message.uint32(16) } : undefined;
}

/** `Interrupt`: the number of the request whose caller does not want to wait any more. */
export function interruptRequest(message: Message): Offset | undefined {
  return message.hasArguments(8) ? message.uint64(0) : undefined;
}
