/**
 * Reading from TLS into given memory. Node offers `onread` only for connections that TLS makes itself, which NBD's never are, because they
 * begin in clear text. This does what Node would do then, through its internal names. Where these have changed, bytes come by the event
 * `data`, at the price of one copy and one allocation for each record.
 */
import type { TLSSocket } from 'node:tls';
import type { OnRead } from '../channels/receive-side.ts';

/** Makes the socket read by `onread`, before its first byte is read. Returns whether that was possible. */
export function readInto(socket: TLSSocket, onread: OnRead): boolean {
  const inside = socket as unknown as Record<symbol, unknown> & { readonly _handle?: Handle | null };
  const [buffer, callback, generator] = names.map((name) => symbolOf(socket, name));
  const handle = inside._handle;
  const isPossible =
    buffer !== undefined &&
    callback !== undefined &&
    generator !== undefined &&
    typeof handle?.useUserBuffer === 'function' &&
    socket.readableLength === 0;
  if (!isPossible) return false;
  const memory = onread.buffer();
  inside[buffer] = memory;
  inside[callback] = onread.callback;
  inside[generator] = onread.buffer;
  handle.useUserBuffer?.(memory);
  return true;
}

interface Handle {
  readonly useUserBuffer?: (memory: Uint8Array) => void;
}

const names = ['kBuffer', 'kBufferCb', 'kBufferGen'] as const;

function symbolOf(socket: TLSSocket, name: string): symbol | undefined {
  return Object.getOwnPropertySymbols(socket).find(({ description }) => description === name);
}
