/** The part of `Blob` and `File` that a device needs. It is written out, so that users need no types of a browser. */
export interface BlobLike {
  /** Size in bytes. */
  readonly size: number;
  /** The path or name, of a `File`. */
  readonly name?: string | undefined;
  /** The bytes from `start` up to, but without, `end`; they are read only when `arrayBuffer` is called. */
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}
