/** Cuts what is sent into messages. Chunks keep their order; messages have no meaning of their own. */
import { concatenate } from '@nbdjs/kit';

/** Shorter chunks are copied together: a message costs more than the copy of a few bytes. */
const joinedBytesMax = 16 * 1024;

/**
 * Returns what to send as messages of at most `messageBytesMax` bytes, without a copy of long chunks. Memory of the chunks is used again
 * by the messages, so it has to stay as it is until they are sent.
 */
export function joinChunks(chunks: readonly Uint8Array[], messageBytesMax: number): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let joined: Uint8Array[] = [];
  let joinedBytes = 0;
  const flush = (): void => {
    const [first] = joined;
    if (first !== undefined && joinedBytes > 0) messages.push(joined.length === 1 ? first : concatenate(joined));
    joined = [];
    joinedBytes = 0;
  };
  for (const chunk of chunks) {
    if (joinedBytes + chunk.length > Math.min(joinedBytesMax, messageBytesMax)) flush();
    if (chunk.length <= Math.min(joinedBytesMax, messageBytesMax)) {
      joined.push(chunk);
      joinedBytes += chunk.length;
    } else {
      messages.push(...cut(chunk, messageBytesMax));
    }
  }
  flush();
  return messages;
}

/** Returns views of a chunk of at most this many bytes. */
function cut(chunk: Uint8Array, bytesMax: number): Uint8Array[] {
  if (chunk.length <= bytesMax) return [chunk];
  return Array.from({ length: Math.ceil(chunk.length / bytesMax) }, (_, index) =>
    chunk.subarray(index * bytesMax, (index + 1) * bytesMax),
  );
}
