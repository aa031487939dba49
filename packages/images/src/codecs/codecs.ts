/** The seam through which images inflate and deflate: what a runtime has built in differs. */

/**
 * How compressed parts of images are read and written. Each function may answer at once or later. Memory is lent until then.
 *
 * A method that is missing is one that the runtime does not have; an image that needs it is refused when it is opened.
 */
export interface Codecs {
  /**
   * Inflates a raw deflate stream (RFC 1951). Fills the whole of `target`; what follows the stream in `source`, or would follow in the
   * output, is ignored.
   *
   * @throws Error when the stream is damaged, or ends before `target` is full.
   */
  readonly inflateRaw: Inflate;
  /**
   * Decompresses frames of Zstandard (RFC 8878). Fills the whole of `target`, from one frame or several; what follows is ignored.
   *
   * @throws Error when a frame is damaged, or `source` ends before `target` is full.
   */
  readonly zstdDecompress?: Inflate | undefined;
  /** Makes a raw deflate stream. */
  readonly deflateRaw?: Deflate | undefined;
  /** Makes a raw deflate stream whose references reach back 4 KiB at most: readers of qcow2 have no more memory for it. */
  readonly deflateRaw4k?: Deflate | undefined;
  /** Makes a frame of Zstandard. */
  readonly zstdCompress?: Deflate | undefined;
  /** Decompresses a gzip file (RFC 1952), all members of it. */
  readonly gunzip?: Unpack | undefined;
  /** Decompresses a stream of xz. */
  readonly unxz?: Unpack | undefined;
  /** Decompresses frames of Zstandard, of any length. */
  readonly unzstd?: Unpack | undefined;
}

/**
 * Decompresses a stream, in memory that is bounded whatever its length is. A chunk of `source` is lent until the next one is asked for; what comes
 * out belongs to the caller.
 *
 * @throws Error (while iterating) when the stream is damaged or cut off.
 */
export type Unpack = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Fills `target` from what is compressed in `source`. */
export type Inflate = (source: Uint8Array, target: Uint8Array) => void | Promise<void>;

/** Returns `source` compressed. `level`: as the algorithm counts; the runtime's own default without it. */
export type Deflate = (source: Uint8Array, level?: number) => Uint8Array | Promise<Uint8Array>;
