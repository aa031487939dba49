/** The seam between a copy that can be resumed and the place where it notes how far it has come. */

/** Keeps one text. What is in it belongs to the caller. */
export interface CheckpointStore {
  /** What error messages call it: a path, say. */
  readonly name: string;
  /** Returns the text that was saved last, or `undefined` if there is none. */
  load(): Promise<string | undefined>;
  /** Replaces the text, whole or not at all. Settles when it is on stable storage. */
  save(text: string): Promise<void>;
  /** Removes the text; does nothing if there is none. */
  remove(): Promise<void>;
}
