/**
 * The seam between bytes and those who understand them.
 *
 * The receiver says where the next bytes must land and the kernel writes them there. One shape serves sockets, TLS (one
 * copy), a ring in shared memory, and tests that push one byte at a time.
 */

/**
 * Receives a channel's bytes. All calls come from the channel, never from within `open` or `send`. A sink that throws
 * destroys its channel, with the error as cause.
 */
export interface ByteSink {
  /**
   * Where the next bytes must land; naming no bytes at all is an error. The channel may ask at any time, more than once
   * for one delivery, and the answer that counts is the last before `advance`.
   *
   * A channel over a socket asks right after each delivery and leaves the answer with the kernel, which writes there
   * whenever the next bytes come, even if the sink would by then prefer other memory (or another sink is in place): it
   * asks again when they have come, and copies them if the answer is another. So from the call until the next
   * `advance` has returned, the *whole* of the named memory may be written to, at any time and not only the bytes that are
   * announced then. Memory that must be given back earlier, because a request can be abandoned say, is not to be
   * named; stage it.
   */
  writable(): Uint8Array;
  /** `byteCount` (at least 1) bytes have landed at the start of the memory that `writable` gave last. */
  advance(byteCount: number): void;
  /**
   * At least so many bytes have to come before the sink can do anything with them; not known: any. A channel whose deliveries
   * cost more than bytes do may put them off until then, though not for long.
   */
  readonly missing?: number;
  /** Everything sent so far is out of the channel's hands: the lent chunks are free, sending may go on. */
  drained(): void;
  /** No more bytes will come. `cause` is absent when the peer ended in an orderly way. Called exactly once, if the sink is still in place. */
  ended(cause?: Error): void;
}

/** How a channel came to its end. */
export type CloseReason =
  | { readonly by: 'us'; readonly cause?: Error | undefined }
  | { readonly by: 'peer' }
  | { readonly by: 'error'; readonly cause: Error };

/** What is at the other end, for messages and facts. */
export interface PeerDescription {
  /** Human-readable: `127.0.0.1:10809`, a socket's path, a command. */
  readonly name: string;
  readonly transport: 'tcp' | 'unix' | 'vsock' | 'command' | 'descriptor' | 'memory';
  readonly tls: boolean;
}

/** Bytes both ways. */
export interface ByteChannel {
  readonly peer: PeerDescription;
  /**
   * Starts delivering to `sink`; called again, it replaces the sink from the next delivery on. Until the first call
   * nothing is read. A sink that comes when the bytes have ended already is told so, too.
   */
  open(sink: ByteSink): void;
  /**
   * Sends the chunks in order. Returns `true` when the channel has no more use for them; on `false` they stay *lent*
   * to the channel, unchanged, until the sink's `drained`. More may be sent meanwhile (it queues), but a sender
   * that wants bounded memory waits. After the end it does nothing and returns `true`.
   */
  send(chunks: readonly Uint8Array[]): boolean;
  /** Stops (`true`) or resumes (`false`) deliveries, so that the kernel pushes back on the peer. */
  pause(paused: boolean): void;
  /** Sends what is queued, then ends our direction; the peer's bytes are still delivered until it ends too. */
  end(): void;
  /** Ends both directions now and releases everything. May be called more than once. */
  destroy(cause?: Error): void;
  /** Whether the channel keeps the process alive. On when made. */
  keepAlive(on: boolean): void;
  /** Settles when all is released. Never rejects. */
  readonly closed: Promise<CloseReason>;
}
