/** The seam between a server and the place where its clients connect. */
import type { ByteChannel } from './byte-channel.ts';

/** Where to listen. */
export type ListenTarget =
  /** `host` absent: on all addresses. Port 0: any free one. */
  | { readonly type: 'tcp'; readonly host?: string | undefined; readonly port: number }
  /**
   * A socket file of a server that has ended is replaced, one where a server listens is not. It is removed again at the end,
   * if it is still ours. A leading NUL means Linux's abstract namespace.
   */
  | { readonly type: 'unix'; readonly path: string }
  /** A listening socket, for instance of systemd's socket activation. */
  | { readonly type: 'descriptor'; readonly fd: number };

/** Where clients connect to, with TCP the port that was chosen; or the socket that was inherited and whose address is not known. */
export type ListenAddress =
  /** The address, and the port that clients connect to. */
  | { readonly type: 'tcp'; readonly host: string; readonly port: number }
  /** The path of the socket file, or the abstract name with its leading NUL. */
  | { readonly type: 'unix'; readonly path: string }
  /** A socket that was inherited, and whose address is not known. */
  | { readonly type: 'descriptor'; readonly fd: number };

/** The address that results from a target. */
export type AddressOf<T extends ListenTarget> = Extract<ListenAddress, { readonly type: T['type'] }>;

/** A place where clients connect. */
export interface Listener<A extends ListenAddress = ListenAddress> {
  /** Where clients connect to. */
  readonly address: A;
  /** Takes no more connections; the established ones stay open. */
  close(): Promise<void>;
}

/**
 * Listens at a target, and gives each connection to `onConnection` as a channel that reads nothing before it is opened. `users`: look up
 * the users of a Unix socket's peers.
 *
 * @throws ConnectError when the address is in use or not available, UsageError when it is not a valid address.
 */
export type Listen = <T extends ListenTarget>(
  target: T,
  onConnection: (channel: ByteChannel) => void,
  options?: { readonly users?: boolean | undefined },
) => Promise<Listener<AddressOf<T>>>;
