/** The bytes of a file as changes. It trusts nothing: what is not as the format says ends it. */
import { CommandError, UsageError } from '@nbdjs/interfaces';
import { hexOf, type RawRecord, RecordSplitter } from '@nbdjs/kit';
import type { StreamingHash } from '../hashing/streaming-hash.ts';
import { readData, readEnd, readStart, readZeroes } from './decode-body.ts';
import type { ChangesEnd, ChangesEntry, ChangesStart } from './entry.ts';
import { changeBodyBytesMax, changesHead, changesMagicBytes, changeTypes, optionalTypesFrom } from './format.ts';

/** What was read so far, to be compared with what the end says. */
interface Tally {
  changes: bigint;
  dataBytes: bigint;
  zeroBytes: bigint;
}

export class ChangesDecoder {
  readonly #hash: StreamingHash;
  readonly #head = new Uint8Array(changesHead.length);
  #headFilled = 0;
  readonly #records = new RecordSplitter({ position: changesHead.length, bodyBytesMax: changeBodyBytesMax });
  readonly #tally: Tally = { changes: 0n, dataBytes: 0n, zeroBytes: 0n };
  #start: ChangesStart | undefined;
  #hasEnd = false;
  /** Where the last change ended. */
  #doneUpTo = 0n;
  /** Where the record begins that is being read. */
  #position = 0;

  /** `hash`: a SHA-256. */
  constructor(hash: StreamingHash) {
    this.#hash = hash;
  }

  /**
   * Yields the entries that end in these bytes.
   *
   * @throws UsageError for what is no file of changes, or one of another version; CommandError `EIO` for one that is damaged.
   */
  *push(bytes: Uint8Array): Generator<ChangesEntry, void, void> {
    const left = this.#takeHead(bytes);
    if (left.length === 0) return;
    this.#requireNotOver();
    for (const record of this.#records.push(left)) {
      this.#requireNotOver();
      const entry = this.#decode(record);
      if (entry?.type !== 'end') this.#hash.update(record.bytes);
      this.#position = this.#records.position;
      if (entry !== undefined) yield entry;
    }
    if (this.#records.damage !== undefined) throw this.#damaged(this.#records.damage);
    if (this.#records.isWithin) this.#requireNotOver();
  }

  /**
   * No more bytes come.
   *
   * @throws CommandError `EIO` when there is no end, so that changes are missing; UsageError when not even the head has come.
   */
  end(): void {
    if (this.#headFilled < this.#head.length) checkHead(this.#head.subarray(0, this.#headFilled));
    if (this.#hasEnd) return;
    throw this.#damaged(this.#records.isWithin ? 'the file ends in the middle of a record' : 'the file has no end');
  }

  /** Returns what follows the head. */
  #takeHead(bytes: Uint8Array): Uint8Array {
    const missing = this.#head.length - this.#headFilled;
    if (missing === 0) return bytes;
    const part = bytes.subarray(0, missing);
    this.#head.set(part, this.#headFilled);
    this.#headFilled += part.length;
    if (part.length === missing) {
      checkHead(this.#head);
      this.#hash.update(this.#head);
      this.#position = this.#head.length;
    }
    return bytes.subarray(part.length);
  }

  #requireNotOver(): void {
    if (this.#hasEnd) throw this.#damaged('something follows the end');
  }

  #decode({ type, body }: RawRecord): ChangesEntry | undefined {
    const isStart = type === changeTypes.start;
    if (isStart !== (this.#start === undefined)) {
      throw this.#damaged(isStart ? 'there is a second start' : 'a file begins with a start');
    }
    try {
      switch (type) {
        case changeTypes.start:
          this.#start = readStart(body);
          return this.#start;
        case changeTypes.data: {
          const data = readData(body);
          this.#count(data.offset, BigInt(data.bytes.length));
          this.#tally.dataBytes += BigInt(data.bytes.length);
          return data;
        }
        case changeTypes.zeroes: {
          const zeroes = readZeroes(body);
          this.#count(zeroes.offset, zeroes.length);
          this.#tally.zeroBytes += zeroes.length;
          return zeroes;
        }
        case changeTypes.end:
          return this.#ended(body);
        default:
          if (type >= optionalTypesFrom) return undefined;
          throw new Error(`a record has type ${type}, which is not known`);
      }
    } catch (error) {
      throw this.#damaged(error instanceof Error ? error.message : String(error));
    }
  }

  /** @throws Error for a change that is not behind the one before, or not on the disk. */
  #count(offset: bigint, length: bigint): void {
    const { size, blockSize } = this.#start as ChangesStart;
    const end = offset + length;
    const at = `a change from ${offset} to ${end}`;
    if (length === 0n) throw new Error(`${at} has no bytes`);
    if (offset < this.#doneUpTo)
      throw new Error(`${at} is not behind the one before, which ended at ${this.#doneUpTo}`);
    if (end > size) throw new Error(`${at} reaches past the end of the disk at ${size}`);
    const block = BigInt(blockSize);
    if (offset % block !== 0n || (end % block !== 0n && end !== size)) {
      throw new Error(`${at} does not fit blocks of ${blockSize} bytes`);
    }
    this.#doneUpTo = end;
    this.#tally.changes++;
  }

  #ended(body: Uint8Array): ChangesEnd {
    const { digest, ...end } = readEnd(body);
    for (const name of ['changes', 'dataBytes', 'zeroBytes'] as const) {
      if (end[name] === this.#tally[name]) continue;
      throw new Error(`the end says ${name} ${end[name]}, but there are ${this.#tally[name]}`);
    }
    const found = hexOf(this.#hash.digest());
    if (found !== hexOf(digest)) throw new Error(`the SHA-256 is ${found}, expected ${hexOf(digest)}`);
    this.#hasEnd = true;
    return { type: 'end', ...end };
  }

  #damaged(what: string): CommandError {
    return new CommandError('EIO', `the changes are damaged or cut at byte ${this.#position}: ${what}`);
  }
}

/** Whether these first bytes, 6 or more, are those of a file of changes. */
export function isChanges(bytes: Uint8Array): boolean {
  if (bytes.length < changesMagicBytes) return false;
  return changesHead.subarray(0, changesMagicBytes).every((byte, index) => byte === bytes[index]);
}

/** @throws UsageError */
function checkHead(bytes: Uint8Array): void {
  if (!isChanges(bytes) || bytes.length < changesHead.length) {
    const begins = bytes.length === 0 ? 'it is empty' : `it begins with 0x${hexOf(bytes)}`;
    throw new UsageError('ERR_NBD_ARGUMENT', `not a file of changes: ${begins}, expected NBDCHG and a version`);
  }
  const version = (bytes[6] ?? 0) * 256 + (bytes[7] ?? 0);
  if (version !== 1) throw new UsageError('ERR_NBD_NOT_SUPPORTED', `the changes have version ${version}, expected 1`);
}
