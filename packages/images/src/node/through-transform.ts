/** Streams of Node as functions from bytes to bytes. */
import { Readable, type Transform } from 'node:stream';

/** What a transform makes of the bytes. It is destroyed when the caller stops early. */
export async function* throughTransform(
  source: AsyncIterable<Uint8Array>,
  transform: Transform,
): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source, { objectMode: false });
  // Node reports a failure of the source nowhere else.
  input.on('error', (error) => transform.destroy(error));
  try {
    yield* input.pipe(transform) as AsyncIterable<Uint8Array>;
  } finally {
    input.destroy();
    transform.destroy();
  }
}
