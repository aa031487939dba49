/** What Node keeps behind its sockets and servers. */
import type { Server, Socket } from 'node:net';

/** The descriptor's number, where there is one. */
export function descriptorOf(owner: Socket | Server): number | undefined {
  const { _handle: handle } = owner as unknown as { readonly _handle: { readonly fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}

/** Bytes that were written and that the kernel has not taken; nothing where Node does not tell. */
export function queuedBytesOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as {
    readonly _handle: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null;
  };
  if (handle === null) return 0;
  if (handle.bytesWritten === undefined || handle.writeQueueSize === undefined) return undefined;
  // What the handle was never given waits in the stream.
  return socket.bytesWritten - handle.bytesWritten + handle.writeQueueSize;
}
