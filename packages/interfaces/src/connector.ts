/** The seam where connections come from, past their handshake. */
import type { ByteChannel } from './byte-channel.ts';
import type { ExportFacts } from './facts.ts';

/** A negotiated connection: the transmission phase begins with the next byte. */
export interface Established {
  /** The connection. It has no sink in place any more, and belongs to the new owner. */
  readonly channel: ByteChannel;
  /** What was agreed on in the handshake. */
  readonly facts: ExportFacts;
  /** Bytes that had already arrived after the handshake; the new owner reads them before the channel's. */
  readonly excess: Uint8Array;
}

/** How to wait for a connection. */
export interface EstablishOptions {
  /**
   * `true`: wait for the attempt in progress (or start one). `false`: return a connection that is ready, else
   * reject at once with the last attempt's error, or with a `ConnectError` of code `ERR_NBD_CONNECT_NONE_YET`,
   * while the attempt goes on.
   */
  readonly wait: boolean;
  /** Ends the wait, not the attempt: what it establishes later is kept for the next caller. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes connections to one export, at most one attempt at a time. */
export interface Connector {
  /**
   * Hands over a negotiated connection; the caller owns it from then on. At most one caller waits at a time.
   *
   * @throws ConnectError, NegotiationError, ProtocolError, TimeoutError, or the signal's reason.
   */
  establish(options: EstablishOptions): Promise<Established>;
  /**
   * Sets whether an attempt that fails is repeated, with growing delays, until one succeeds. Off at first: opening makes one attempt,
   * reconnecting repeats attempts.
   */
  retry(on: boolean): void;
  /** Releases everything: an attempt in progress is dropped and its socket closed. Later calls are refused. */
  release(): void;
}
