/** One message on the wire, cut out of a stream and not yet read. */
import type { Request } from './requests-in-flight.ts';

/** Which side has sent something. */
export type Side = 'client' | 'server';

/** The other side. */
export function otherSide(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}

/** The kinds of frames, in the order of their numbers in recordings: new ones are added at the end. */
export const frameKinds = [
  /** The server's first bytes; those of an oldstyle server describe its export, too. */
  'greeting',
  /** The client's answer to a newstyle greeting. */
  'client-flags',
  'option',
  'option-reply',
  /** The answer to the option EXPORT_NAME, which has no header. */
  'export',
  'request',
  'simple-reply',
  /** A chunk of a structured or extended reply. */
  'chunk',
  /** All bytes up to the end of the stream are TLS. */
  'encrypted',
  /** These bytes, or all up to the end of the stream, are no message of NBD; `note` says why. */
  'undecoded',
] as const;

/** What a frame is. */
export type FrameKind = (typeof frameKinds)[number];

/** A message, of which the payload follows. */
export interface Frame {
  /** Which side has sent it. */
  readonly side: Side;
  /** What it is. */
  readonly kind: FrameKind;
  /** Header and content as they were sent, in memory of their own. */
  readonly wire: Uint8Array;
  /**
   * Bytes of payload behind it: the data of a read or a write, and what is too long to be kept as content. `Infinity`: all up to the end of
   * the stream.
   */
  readonly payloadBytes: number;
  /** Of a request: itself; of a reply: the request that it answers, as far as it was seen. */
  readonly request?: Request | undefined;
  /** What is remarkable about it: why it is not decoded, or that it answers no request. */
  readonly note?: string | undefined;
}

/** Receives what a session consists of, in the order of each side's bytes. Must not throw. */
export interface FrameHandler {
  /** A message begins. It and its bytes belong to the handler. */
  frame(frame: Frame): void;
  /** Bytes of the payload of the frame that has begun last on this side. Borrowed: copy what has to last longer than this call. */
  payload(side: Side, bytes: Uint8Array): void;
  /** The frame that has begun last on this side is complete; with fewer bytes of payload than announced, where the stream has ended. */
  frameEnd(side: Side, payloadBytes: number): void;
}
