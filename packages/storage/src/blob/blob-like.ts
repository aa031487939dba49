/** The part of `Blob` and `File` that a device needs. It is written out, so that users need no types of a browser. */
export interface BlobLike {
  /** Size in bytes. */
  readonly size: number;
  /** The path or name, of a `File`. */
  readonly name?: string | undefined;
  /** The bytes from `start` up to, but without, `end`. */
  slice(start: number, end: number): BlobSlice;
}

/** A part of a blob, which is not read yet. */
export interface BlobSlice {
  /** Reads the bytes, into new memory. */
  arrayBuffer(): Promise<ArrayBuffer>;
}
