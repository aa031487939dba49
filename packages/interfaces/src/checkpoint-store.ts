/** The seam between a copy that can be resumed and the place where it stores its position. */

/** Keeps one text, whose content is defined by the caller. */
export interface CheckpointStore {
  /** Its name in error messages, for instance a path. */
  readonly name: string;
  /** Returns the text that was saved last, or `undefined` if there is none. */
  load(): Promise<string | undefined>;
  /** Replaces the text, whole or not at all. Settles when it is on stable storage. */
  save(text: string): Promise<void>;
  /** Removes the text; does nothing if there is none. */
  remove(): Promise<void>;
}
