/** What Node keeps behind its sockets and servers. */
import type { Server, Socket } from 'node:net';

/** The descriptor's number, where there is one. */
export function descriptorOf(owner: Socket | Server): number | undefined {
  const { _handle: handle } = owner as unknown as { readonly _handle: { readonly fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}
