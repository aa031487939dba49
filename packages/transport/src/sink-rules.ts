/** What channels hold every sink to. */
import type { ByteSink } from '@nbdjs/interfaces';

/**
 * The memory that the sink names for the next bytes. No memory at all would stall a channel for ever, and make Node
 * destroy a socket with an error that names neither.
 *
 * @throws whatever the sink throws.
 */
export function namedBy(sink: ByteSink): Uint8Array {
  const memory = sink.writable();
  if (memory.length === 0) throw new Error('the sink named no memory for the next bytes');
  return memory;
}

/** A sink may throw anything; a channel ends with an error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
