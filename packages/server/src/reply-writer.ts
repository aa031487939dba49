/**
 * Puts replies together and sends them: many small ones leave in one write, long payloads leave from where they are.
 *
 * Memory that the channel has not let go of is kept until it has.
 */
import type { ByteChannel, HeaderMode, LentPiece } from '@nbdjs/interfaces';
import {
  ChunkFlag,
  type ChunkFrame,
  ChunkType,
  Command,
  encodeBlockStatusChunk,
  encodeErrorChunk,
  encodeHoleChunk,
  HeaderBytes,
  type WireExtent,
  writeExtendedChunk,
  writeSimpleReply,
  writeStructuredChunk,
} from '@nbdjs/protocol';
import type { Account } from './budget.ts';
import { type Failure, textBytes } from './failure.ts';
import type { Job } from './job.ts';
import type { MemoryPool } from './memory-pool.ts';

/** Headers and short payloads are gathered in pieces of so many bytes. */
const arenaBytes = 256 * 1024;
/** A longer payload is not copied. */
const copiedBytesMax = 16 * 1024;
/** The offset in front of a data chunk's bytes. */
const dataOffsetBytes = 8;

const zeroes = new Uint8Array(64 * 1024);

export class ReplyWriter {
  readonly #channel: ByteChannel;
  readonly #mode: HeaderMode;
  readonly #pool: MemoryPool;
  readonly #account: Account;
  #arena: Uint8Array;
  #view: DataView;
  /** Where what is not part of a chunk yet begins and ends. */
  #start = 0;
  #tail = 0;
  #chunks: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Memory behind chunks that have not been sent, and behind those that the channel still holds. */
  #pendingPieces: Uint8Array[] = [];
  #lentPieces: Uint8Array[] = [];
  #lentBytes = 0;
  /** Bytes of messages with memory of their own, not sent yet, and held by the channel. */
  #pendingOwnBytes = 0;
  #lentOwnBytes = 0;
  #isOver = false;
  /** Bytes that the channel holds. */
  unsentBytes = 0;
  /** All bytes that were ever given to the channel. */
  sentBytes = 0;

  constructor(channel: ByteChannel, mode: HeaderMode, pool: MemoryPool, account: Account) {
    this.#channel = channel;
    this.#mode = mode;
    this.#pool = pool;
    this.#account = account;
    this.#arena = pool.take(arenaBytes);
    this.#view = new DataView(this.#arena.buffer);
  }

  /** Bytes that wait for `flush`. */
  get pendingBytes(): number {
    return this.#pendingBytes + this.#tail - this.#start;
  }

  /** It is done, and there is nothing to tell. */
  done(job: Job): void {
    // Reads are always answered by chunks, and with extended headers everything is (S38, S70).
    const isChunked = this.#mode === 'extended' || (this.#mode === 'structured' && job.type === Command.Read);
    if (!isChunked) this.#simple(job, 0);
    else this.#chunk(job, ChunkFlag.Done, ChunkType.None, 0);
  }

  fail(job: Job, { error, text }: Failure): void {
    if (this.#mode === 'simple') this.#simple(job, error);
    else this.#own(encodeErrorChunk(this.#frame(job, ChunkFlag.Done), error, textBytes(text)));
  }

  /** All bytes of a read in one piece. `memory` goes back to the pool when the bytes have left. */
  data(job: Job, bytes: Uint8Array, memory?: Uint8Array): void {
    if (this.#mode === 'simple') this.#simple(job, 0);
    else this.#dataChunk(job, ChunkFlag.Done, job.offsetHigh, job.offsetLow, bytes.length);
    this.#payload(bytes, memory);
  }

  /** The bytes of a read in several pieces, holes among them. */
  pieces(job: Job, pieces: readonly LentPiece[]): void {
    if (this.#mode === 'simple') {
      this.#simple(job, 0);
      for (const piece of pieces) this.#pieceInFull(piece);
      return;
    }
    const base = BigInt(job.offset);
    let position = 0;
    for (let index = 0; index < pieces.length; ) {
      const first = pieces[index] as LentPiece;
      const offset = base + BigInt(position);
      const isHole = !(first instanceof Uint8Array);
      let end = index;
      let byteCount = 0;
      for (let next: LentPiece | undefined = first; next !== undefined; next = pieces[end]) {
        if (isHole === next instanceof Uint8Array) break;
        byteCount += lengthOf(next);
        end++;
      }
      const flags = end === pieces.length ? ChunkFlag.Done : 0;
      if (isHole) {
        this.#own(encodeHoleChunk(this.#frame(job, flags), offset, byteCount));
      } else {
        this.#dataChunk(job, flags, Number(offset >> 32n), Number(offset & 0xffff_ffffn), byteCount);
        for (const piece of pieces.slice(index, end)) this.#pieceInFull(piece);
      }
      position += byteCount;
      index = end;
    }
  }

  /** Lets memory of the pool go back to it when what was written so far has left. */
  giveBackLater(memory: Uint8Array): void {
    this.#pendingPieces.push(memory);
  }

  blockStatus(job: Job, contextId: number, extents: readonly WireExtent[], isLast: boolean): void {
    this.#own(encodeBlockStatusChunk(this.#frame(job, isLast ? ChunkFlag.Done : 0), contextId, extents));
  }

  /** Sends all that was written. */
  flush(): void {
    this.#seal();
    if (this.#chunks.length === 0) return;
    const byteCount = this.#pendingBytes;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#pendingBytes = 0;
    this.sentBytes += byteCount;
    for (const piece of this.#pendingPieces) this.#lentPieces.push(piece);
    this.#pendingPieces.length = 0;
    this.#lentOwnBytes += this.#pendingOwnBytes;
    this.#pendingOwnBytes = 0;
    if (this.#isOver || this.#channel.send(chunks)) {
      this.drained();
      return;
    }
    this.unsentBytes += byteCount;
    let lentBytes = this.#lentOwnBytes;
    for (const piece of this.#lentPieces) lentBytes += piece.length;
    this.#account.takeAnyway(lentBytes - this.#lentBytes);
    this.#lentBytes = lentBytes;
  }

  /** The channel holds nothing any more. */
  drained(): void {
    this.unsentBytes = 0;
    for (const piece of this.#lentPieces) this.#pool.giveBack(piece);
    this.#lentPieces.length = 0;
    this.#account.giveBack(this.#lentBytes);
    this.#lentBytes = 0;
    this.#lentOwnBytes = 0;
    if (this.#chunks.length > 0 || this.#start !== this.#tail) return;
    this.#start = 0;
    this.#tail = 0;
  }

  /** Nothing can be sent any more; what is written from now on goes nowhere. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.flush();
    this.drained();
    this.#pool.giveBack(this.#arena);
    // Late answers are still written, to memory that nobody else uses.
    this.#setArena(new Uint8Array(4096));
  }

  #simple(job: Job, error: number): void {
    this.#room(HeaderBytes.SimpleReply);
    writeSimpleReply(this.#view, this.#tail, error, job.cookieHigh, job.cookieLow);
    this.#tail += HeaderBytes.SimpleReply;
  }

  #dataChunk(job: Job, flags: number, offsetHigh: number, offsetLow: number, byteCount: number): void {
    this.#chunk(job, flags, ChunkType.OffsetData, dataOffsetBytes + byteCount);
    this.#room(dataOffsetBytes);
    this.#view.setUint32(this.#tail, offsetHigh);
    this.#view.setUint32(this.#tail + 4, offsetLow);
    this.#tail += dataOffsetBytes;
  }

  #chunk(job: Job, flags: number, type: number, length: number): void {
    const { cookieHigh, cookieLow } = job;
    if (this.#mode === 'extended') {
      this.#room(HeaderBytes.ExtendedReply);
      const { offsetHigh, offsetLow } = job;
      writeExtendedChunk(this.#view, this.#tail, flags, type, cookieHigh, cookieLow, offsetHigh, offsetLow, length);
      this.#tail += HeaderBytes.ExtendedReply;
    } else {
      this.#room(HeaderBytes.StructuredReply);
      writeStructuredChunk(this.#view, this.#tail, flags, type, cookieHigh, cookieLow, length);
      this.#tail += HeaderBytes.StructuredReply;
    }
  }

  #frame(job: Job, flags: number): ChunkFrame {
    const requestOffset = this.#mode === 'extended' ? BigInt(job.offset) : undefined;
    return { cookie: job.cookie, flags, requestOffset };
  }

  #pieceInFull(piece: LentPiece): void {
    if (piece instanceof Uint8Array) {
      this.#payload(piece, undefined);
      return;
    }
    for (let rest = piece.holeBytes; rest > 0; rest -= zeroes.length) {
      this.#payload(rest < zeroes.length ? zeroes.subarray(0, rest) : zeroes, undefined);
    }
  }

  #payload(bytes: Uint8Array, memory: Uint8Array | undefined): void {
    if (bytes.length <= copiedBytesMax) {
      this.#room(bytes.length);
      this.#arena.set(bytes, this.#tail);
      this.#tail += bytes.length;
      if (memory !== undefined) this.#pool.giveBack(memory);
      return;
    }
    this.#append(bytes);
    if (memory !== undefined) this.#pendingPieces.push(memory);
  }

  /** A message with memory of its own. */
  #own(bytes: Uint8Array): void {
    this.#pendingOwnBytes += bytes.length;
    this.#append(bytes);
  }

  /** Bytes that leave from where they are. */
  #append(bytes: Uint8Array): void {
    this.#seal();
    this.#chunks.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  #seal(): void {
    if (this.#start === this.#tail) return;
    this.#chunks.push(this.#arena.subarray(this.#start, this.#tail));
    this.#pendingBytes += this.#tail - this.#start;
    this.#start = this.#tail;
  }

  #room(byteCount: number): void {
    if (this.#arena.length - this.#tail >= byteCount) return;
    this.#seal();
    this.#pendingPieces.push(this.#arena);
    this.#setArena(this.#pool.take(arenaBytes));
  }

  #setArena(arena: Uint8Array): void {
    this.#arena = arena;
    this.#view = new DataView(arena.buffer);
    this.#start = 0;
    this.#tail = 0;
  }
}

function lengthOf(piece: LentPiece): number {
  return piece instanceof Uint8Array ? piece.length : piece.holeBytes;
}
