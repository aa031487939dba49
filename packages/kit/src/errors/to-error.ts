/** Anything can be thrown; from here on it is an error. */

/** Returns an error as it is, and anything else as the text of a new one. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
