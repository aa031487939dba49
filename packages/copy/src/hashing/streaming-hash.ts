/** What hashes are made of. The package has none of its own: `createHash` of `node:crypto` and many libraries have this form. */

/** A hash that takes its input in pieces. */
export interface StreamingHash {
  /** Adds bytes, which are lent until it returns. */
  update(bytes: Uint8Array): unknown;
  /** Returns the hash of all that was added. */
  digest(): Uint8Array;
}

/** What a hash was made of. */
export interface HashReport {
  /** The hash. */
  readonly digest: Uint8Array;
  /** Size of the device. */
  readonly totalBytes: bigint;
  /** Bytes that were read; the device reports the others as zeroes. */
  readonly readBytes: bigint;
}
