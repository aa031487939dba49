/** Replies to the kernel. Each is written in one piece. */
import type { Offset } from '@nbdjs/interfaces';
import { type ErrorNumber, replyHeaderBytes } from './numbers.ts';

/** What the kernel is told about a file. */
export interface Attributes {
  readonly node: number;
  /** In bytes. */
  readonly size: Offset;
  /** Type and permissions. */
  readonly mode: number;
  readonly links: number;
  readonly user: number;
  readonly group: number;
  /** Milliseconds since 1970. */
  readonly modifiedMs: number;
  /** Blocks of 512 bytes that are in use. */
  readonly blocks: Offset;
}

const attributesBytes = 88;

/** Writes header and content of a reply; the longest one without payload is that of `Lookup`. */
export class ReplyWriter {
  readonly bytes = new Uint8Array(256);
  readonly #view = new DataView(this.bytes.buffer);

  /** Returns the length of the reply. */
  error(unique: number, errorNumber: ErrorNumber): number {
    return writeHeader(this.#view, unique, 0, errorNumber);
  }

  /** A reply that says only that it worked. */
  done(unique: number): number {
    return writeHeader(this.#view, unique, 0);
  }

  init(unique: number, init: InitReply): number {
    this.#begin(unique, 64);
    for (const [index, value] of [init.major, init.minor, init.readAheadBytes, init.flags].entries()) {
      this.#view.setUint32(replyHeaderBytes + 4 * index, value, true);
    }
    this.#view.setUint16(replyHeaderBytes + 16, init.backgroundMax, true);
    this.#view.setUint16(replyHeaderBytes + 18, init.congestionThreshold, true);
    this.#view.setUint32(replyHeaderBytes + 20, init.writeBytesMax, true);
    // Times are counted in nanoseconds.
    this.#view.setUint32(replyHeaderBytes + 24, 1, true);
    this.#view.setUint16(replyHeaderBytes + 28, init.pagesMax, true);
    this.#view.setUint32(replyHeaderBytes + 32, init.flags2, true);
    return replyHeaderBytes + 64;
  }

  /** Of `Lookup`: the file, and for how long that is valid. */
  entry(unique: number, attributes: Attributes, validSeconds: number): number {
    this.#begin(unique, 40 + attributesBytes);
    this.#uint64(0, attributes.node);
    this.#uint64(16, validSeconds);
    this.#uint64(24, validSeconds);
    this.#attributes(40, attributes);
    return replyHeaderBytes + 40 + attributesBytes;
  }

  attributes(unique: number, attributes: Attributes, validSeconds: number): number {
    this.#begin(unique, 16 + attributesBytes);
    this.#uint64(0, validSeconds);
    this.#attributes(16, attributes);
    return replyHeaderBytes + 16 + attributesBytes;
  }

  /** `flags`: of `OpenFlag`. */
  opened(unique: number, handle: number, flags: number): number {
    this.#begin(unique, 16);
    this.#uint64(0, handle);
    this.#view.setUint32(replyHeaderBytes + 8, flags, true);
    return replyHeaderBytes + 16;
  }

  written(unique: number, byteCount: number): number {
    this.#begin(unique, 8);
    this.#view.setUint32(replyHeaderBytes, byteCount, true);
    return replyHeaderBytes + 8;
  }

  sought(unique: number, offset: Offset): number {
    this.#begin(unique, 8);
    this.#uint64(0, offset);
    return replyHeaderBytes + 8;
  }

  /** A filesystem that is full, of blocks of so many bytes. */
  filesystem(unique: number, blocks: Offset, blockBytes: number, files: number): number {
    this.#begin(unique, 80);
    this.#uint64(0, blocks);
    this.#uint64(24, files);
    this.#view.setUint32(replyHeaderBytes + 40, blockBytes, true);
    this.#view.setUint32(replyHeaderBytes + 44, 255, true);
    this.#view.setUint32(replyHeaderBytes + 48, blockBytes, true);
    return replyHeaderBytes + 80;
  }

  #begin(unique: number, contentBytes: number): void {
    this.bytes.fill(0, replyHeaderBytes, replyHeaderBytes + contentBytes);
    writeHeader(this.#view, unique, contentBytes);
  }

  #attributes(at: number, attributes: Attributes): void {
    const seconds = Math.floor(attributes.modifiedMs / 1000);
    const nanoseconds = Math.floor((attributes.modifiedMs % 1000) * 1e6);
    this.#uint64(at, attributes.node);
    this.#uint64(at + 8, attributes.size);
    this.#uint64(at + 16, attributes.blocks);
    // Read, modified and changed: one time for all of them.
    for (let index = 0; index < 3; index++) {
      this.#uint64(at + 24 + 8 * index, seconds);
      this.#view.setUint32(replyHeaderBytes + at + 48 + 4 * index, nanoseconds, true);
    }
    const { mode, links, user, group } = attributes;
    for (const [index, value] of [mode, links, user, group].entries()) {
      this.#view.setUint32(replyHeaderBytes + at + 60 + 4 * index, value, true);
    }
    this.#view.setUint32(replyHeaderBytes + at + 80, 4096, true);
  }

  #uint64(at: number, value: Offset): void {
    this.#view.setBigUint64(replyHeaderBytes + at, BigInt(value), true);
  }
}

/** What is agreed upon at the start. */
export interface InitReply {
  readonly major: number;
  readonly minor: number;
  readonly readAheadBytes: number;
  readonly flags: number;
  readonly flags2: number;
  /** Requests that no process waits for, such as reading ahead, that are sent at a time. */
  readonly backgroundMax: number;
  /** From so many of them on, the kernel holds back what would only be nice to have. */
  readonly congestionThreshold: number;
  readonly writeBytesMax: number;
  /** The longest request, in pages. */
  readonly pagesMax: number;
}

/** Writes the header of a reply whose content of `contentBytes` follows. Returns the length of the whole reply. */
export function writeHeader(view: DataView, unique: number, contentBytes: number, errorNumber = 0): number {
  view.setUint32(0, replyHeaderBytes + contentBytes, true);
  view.setInt32(4, -errorNumber, true);
  view.setUint32(8, unique % 2 ** 32, true);
  view.setUint32(12, Math.floor(unique / 2 ** 32), true);
  return replyHeaderBytes + contentBytes;
}

/** An entry of a directory. */
export interface DirectoryEntry {
  readonly node: number;
  readonly name: string;
  readonly isDirectory: boolean;
}

/**
 * Returns the content of a reply to `ReadDirectory`: as many of the entries as there is room for, from `start` on.
 */
export function directoryContent(entries: readonly DirectoryEntry[], start: number, roomBytes: number): Uint8Array {
  const content = new Uint8Array(roomBytes);
  const view = new DataView(content.buffer);
  let at = 0;
  for (let index = start; index < entries.length; index++) {
    const { node, name, isDirectory } = entries[index] as DirectoryEntry;
    const bytes = new TextEncoder().encode(name);
    const paddedBytes = 8 * Math.ceil((24 + bytes.length) / 8);
    if (at + paddedBytes > roomBytes) break;
    view.setBigUint64(at, BigInt(node), true);
    // Where the reader goes on after this entry.
    view.setBigUint64(at + 8, BigInt(index + 1), true);
    view.setUint32(at + 16, bytes.length, true);
    view.setUint32(at + 20, isDirectory ? 4 : 8, true);
    content.set(bytes, at + 24);
    at += paddedBytes;
  }
  return content.subarray(0, at);
}
