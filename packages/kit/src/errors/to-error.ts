/** Any value can be thrown; this makes an error of it. */

/** Returns an error unchanged, and a new error with the text of any other value. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
