/**
 * The seam between a transport and the code that understands its bytes.
 *
 * The receiver names the memory for the next bytes, and the kernel writes them there. One shape serves sockets, TLS (one
 * copy), a ring in shared memory, and tests that push one byte at a time.
 */

/**
 * Receives a channel's bytes. All calls come from the channel, never from within `open` or `send`. A sink that throws
 * destroys its channel, with the error as cause.
 */
export interface ByteSink {
  /**
   * Returns the memory for the next bytes; no bytes at all are an error. The channel may ask at any time, more than once
   * for one delivery, and the answer that counts is the last before `advance`.
   *
   * A channel over a socket asks right after each delivery and leaves the answer with the kernel, which writes there whenever the next
   * bytes come, even if the sink would by then prefer other memory (or another sink is in place): it asks again when they have come, and
   * copies them if the answer is another. So from the call until the next `advance` has returned, the *whole* of the named memory may be
   * written to, at any time and not only the bytes that are announced then. Memory that must be given back earlier, for instance because a
   * request can be abandoned, must not be named; use staging memory instead.
   */
  writable(): Uint8Array;
  /** `byteCount` (at least 1) bytes have landed at the start of the memory that `writable` gave last. */
  advance(byteCount: number): void;
  /**
   * The number of bytes that have to come before the sink can do anything with them; `undefined`: one. A channel whose
   * deliveries cost more than bytes do may delay them until then, though not for long.
   */
  readonly missing?: number;
  /** The channel has finished with everything sent so far: the lent chunks are free, sending may go on. */
  drained(): void;
  /** No more bytes will come. `cause` is absent when the peer ended in an orderly way. Called exactly once, if the sink is still in place. */
  ended(cause?: Error): void;
}

/** How a channel ended. */
export type CloseReason =
  /** `destroy` was called on this side; `cause` is its argument. */
  | { readonly by: 'us'; readonly cause?: Error | undefined }
  /** The peer ended in an orderly way. */
  | { readonly by: 'peer' }
  /** The connection failed. */
  | { readonly by: 'error'; readonly cause: Error };

/** The user and the process at the other end of a Unix socket, as the kernel reports them. */
export interface PeerUser {
  /** Number of the user. */
  readonly uid: number;
  /** Number of the user's group. */
  readonly gid: number;
  /** Number of the process, at the time when it connected. */
  readonly pid: number;
}

/** How a peer is reached: the transports of this project, or the name that another one gives itself. */
export type TransportName =
  | 'tcp'
  | 'unix'
  | 'vsock'
  | 'command'
  | 'descriptor'
  | 'memory'
  | 'stream'
  // Keeps the literals in the lists of editors, which `string` alone would swallow.
  | (string & {});

/** What is at the other end, for messages and facts. */
export interface PeerDescription {
  /** Human-readable: `127.0.0.1:10809`, a socket's path, a command. */
  readonly name: string;
  /** How the peer is reached. */
  readonly transport: TransportName;
  /** Whether the bytes travel in TLS. */
  readonly tls: boolean;
  /** The numeric address of a TCP peer that has connected to us. */
  readonly address?: string | undefined;
  /** Of a Unix peer that has connected to us, where the system reports it. */
  readonly user?: PeerUser | undefined;
}

/** Bytes both ways. */
export interface ByteChannel {
  /** What is at the other end. */
  readonly peer: PeerDescription;
  /**
   * Starts delivering to `sink`; called again, it replaces the sink from the next delivery on. Until the first call
   * nothing is read. A sink that is set after the end of the bytes gets `ended` too.
   */
  open(sink: ByteSink): void;
  /**
   * Sends the chunks in order. Returns `true` when the channel does not need them any more; on `false` they stay *lent*
   * to the channel, unchanged, until the sink's `drained`. More may be sent meanwhile (it queues), but a sender
   * that wants bounded memory waits. After the end it does nothing and returns `true`.
   */
  send(chunks: readonly Uint8Array[]): boolean;
  /**
   * Bytes that were sent and that the peer's system has not taken. It distinguishes a slow receiver from one that has
   * stopped. Channels that cannot find this out leave it out.
   */
  readonly queuedBytes?: number | undefined;
  /** Stops (`true`) or resumes (`false`) deliveries, so that the kernel makes the peer wait. */
  pause(paused: boolean): void;
  /** Sends what is queued, then ends our direction; the peer's bytes are still delivered until it ends too. */
  end(): void;
  /** Ends both directions now and releases everything. May be called more than once. */
  destroy(cause?: Error): void;
  /** Sets whether the channel keeps the process alive. On at first. */
  keepAlive(on: boolean): void;
  /** Settles when all is released. Never rejects. */
  readonly closed: Promise<CloseReason>;
}
