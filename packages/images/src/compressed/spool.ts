/** Decompressing a whole file into a temporary store, for formats that can be read from their start only. */
import { type BlockDevice, CommandError } from '@nbdjs/interfaces';
import { isZero } from '@nbdjs/kit';
import type { FileBytes } from '../device/image-file.ts';
import { unsupportedImage } from '../image-errors.ts';

const pieceBytes = 2 ** 20;

/** The bytes of a file, in pieces. Each piece has memory of its own. */
export async function* fileChunks(
  file: FileBytes,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; at += pieceBytes) {
    signal?.throwIfAborted();
    const bytes = new Uint8Array(Math.min(pieceBytes, to - at));
    await file.read(at, bytes, signal);
    yield bytes;
  }
}

/**
 * Writes what comes into a store that is all zero; zeroes are left out, so that holes stay holes.
 *
 * @returns how many bytes came.
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` when the store is too small; CommandError `EIO` when the content cannot be decompressed.
 */
export async function spool(
  content: AsyncIterable<Uint8Array>,
  store: BlockDevice,
  signal: AbortSignal | undefined,
): Promise<number> {
  const buffer = new Uint8Array(pieceBytes);
  const limit = Number(store.geometry.size);
  let stored = 0;
  let filled = 0;
  const empty = async (): Promise<void> => {
    // The last piece is filled up to a whole block.
    const block = store.geometry.minimumBlockSize;
    const length = Math.min(limit - stored, Math.ceil(filled / block) * block);
    buffer.fill(0, filled, length);
    if (!isZero(buffer)) await store.write(stored, buffer.subarray(0, length), { signal });
    stored += filled;
    filled = 0;
    buffer.fill(0);
  };
  for await (const chunk of reported(content, signal)) {
    signal?.throwIfAborted();
    if (stored + filled + chunk.length > limit) {
      throw unsupportedImage(
        `the content has more than ${limit} bytes, which is all that the temporary store may have`,
      );
    }
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + pieceBytes - filled);
      buffer.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled === pieceBytes) await empty();
    }
  }
  if (filled > 0) await empty();
  return stored;
}

/** Errors of codecs are of many classes: they become errors of ours. */
async function* reported(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : unpackError('the file', error);
  }
}

/** What a codec has thrown, as an error of the image; errors of reading stay as they are. */
export function unpackError(place: string, error: unknown): unknown {
  if (error instanceof CommandError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new CommandError('EIO', `the image is damaged: ${place} cannot be decompressed: ${message}`, { cause: error });
}
