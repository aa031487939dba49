/** Changes as the bytes of a file. */
import { encodeNumbers, encodeRecord } from '@nbdjs/kit';
import type { StreamingHash } from '../hashing/streaming-hash.ts';
import type { ChangesStart } from './entry.ts';
import { changesHead, changeTypes, notCompressed } from './format.ts';

const encoder = new TextEncoder();

/** Encodes one file; the calls are made in the order of its parts. What they return is in memory of its own. */
export class ChangesEncoder {
  readonly #hash: StreamingHash;
  #changes = 0n;
  #dataBytes = 0n;
  #zeroBytes = 0n;

  /** `hash`: a SHA-256. */
  constructor(hash: StreamingHash) {
    this.#hash = hash;
  }

  /** The head and the start. */
  start({ type, size, isFull, ...rest }: ChangesStart): readonly Uint8Array[] {
    this.#hash.update(changesHead);
    const members = { size: `${size}`, ...rest, ...(isFull ? { full: true } : {}) };
    return [changesHead, this.#record(changeTypes[type], encoder.encode(JSON.stringify(members)))];
  }

  data(offset: bigint, bytes: Uint8Array): Uint8Array {
    this.#changes++;
    this.#dataBytes += BigInt(bytes.length);
    return this.#record(changeTypes.data, encodeNumbers([8, offset], [1, notCompressed]), bytes);
  }

  zeroes(offset: bigint, length: bigint): Uint8Array {
    this.#changes++;
    this.#zeroBytes += length;
    return this.#record(changeTypes.zeroes, encodeNumbers([8, offset], [8, length]));
  }

  end(): Uint8Array {
    const totals = encodeNumbers([8, this.#changes], [8, this.#dataBytes], [8, this.#zeroBytes]);
    return encodeRecord(changeTypes.end, totals, this.#hash.digest());
  }

  #record(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
    const record = encodeRecord(type, ...parts);
    this.#hash.update(record);
    return record;
  }
}
