/** The rules that channels hold every sink to. */
import type { ByteSink } from '@nbdjs/interfaces';

/**
 * Returns the memory that the sink names for the next bytes. Without any, a channel would stall for ever, and Node would destroy a
 * socket with an error that names no cause.
 *
 * @throws what the sink throws.
 */
export function namedBy(sink: ByteSink): Uint8Array {
  const memory = sink.writable();
  if (memory.length === 0) throw new Error('the sink named no memory for the next bytes');
  return memory;
}
