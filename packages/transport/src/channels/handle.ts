/** What Node keeps inside its sockets and servers. */
import type { Server, Socket } from 'node:net';

/** Returns the descriptor, or `undefined` where there is none. */
export function descriptorOf(owner: Socket | Server): number | undefined {
  const { _handle: handle } = owner as unknown as { readonly _handle: { readonly fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}

/**
 * Returns how many bytes were written to a socket that the kernel has not taken; `undefined` where Node does not report it. The stream itself
 * counts a write until all of it is taken, which for a long one looks as if the peer did not read.
 */
export function queuedBytesOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as {
    readonly _handle: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null;
  };
  if (handle === null) return 0;
  if (handle.bytesWritten === undefined || handle.writeQueueSize === undefined) return undefined;
  // Bytes that the handle was not given yet wait in the stream.
  return socket.bytesWritten - handle.bytesWritten + handle.writeQueueSize;
}
