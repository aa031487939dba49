/** Pairs of web streams that the caller has. */
import { type ByteChannel, type PeerDescription, UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';
import { announced } from '../diagnostics.ts';
import { WebStreamChannel, type WebStreamPair } from './web-stream-channel.ts';

export const peerDefault: PeerDescription = Object.freeze({ name: 'stream', transport: 'stream', tls: false });

/**
 * Makes a channel of a `{ readable, writable }` pair of web streams of bytes. The streams belong to the channel from then on. What is read
 * is copied once; up to 256 KiB wait in the writable stream before `send` returns `false`.
 *
 * @param peer How the channel describes its peer. @default `{ name: 'stream', transport: 'stream', tls: false }`
 * @throws UsageError `ERR_NBD_ARGUMENT` for what is no such pair, `ERR_NBD_STATE` for one that another reader or writer has.
 */
export function adoptStream(pair: WebStreamPair, peer: PeerDescription = peerDefault): ByteChannel {
  if (isWebPair(pair)) return announced(adoptWebPair(pair, peer));
  const message = `adoptStream: the stream is ${describeValue(pair)}, expected { readable, writable } of web streams`;
  throw new UsageError('ERR_NBD_ARGUMENT', message);
}

/** @throws UsageError `ERR_NBD_STATE` when another reader or writer has the streams. */
export function adoptWebPair(pair: WebStreamPair, peer: PeerDescription): WebStreamChannel {
  try {
    return new WebStreamChannel(pair, peer);
  } catch (cause) {
    throw new UsageError('ERR_NBD_STATE', `${peer.name}: the streams cannot be used: ${String(cause)}`, { cause });
  }
}

export function isWebPair(value: object): value is WebStreamPair {
  const { readable, writable } = (value ?? {}) as Partial<WebStreamPair>;
  return hasMethods(readable, 'getReader') && hasMethods(writable, 'getWriter');
}

/** Returns whether a value is an object with these methods. */
export function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
