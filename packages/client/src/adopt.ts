/** A client on a connection that stands already. */
import { ConnectError, type Connector, type Established, type EstablishOptions, UsageError } from '@nbdjs/interfaces';
import type { NbdClient } from './client.ts';
import { type OpenOptions, openClient } from './connect.ts';

/** Options for a connection that cannot be made again. */
export type AdoptOptions = Omit<OpenOptions, 'connections' | 'openTimeoutMs' | 'reconnectDelayMs' | 'journal'>;

/**
 * Goes on with a connection that somebody else has negotiated, such as `go()` of `openNegotiation`. Call it at once:
 * bytes that arrive before end the connection. The connection is the client's from the call on, and when it is lost there is
 * no other.
 *
 * @throws ProtocolError when the server has broken the rules already, UsageError for a wrong option, or the signal's reason.
 */
export async function adoptConnection(
  established: Established,
  options: AdoptOptions = {},
  name: string = established.channel.peer.name,
): Promise<NbdClient> {
  return await openClient(new SingleConnection(established, name), options, name);
}

/** Gives away the one connection that it has. */
class SingleConnection implements Connector {
  readonly #name: string;
  #established: Established | undefined;
  #isReleased = false;

  constructor(established: Established, name: string) {
    this.#established = established;
    this.#name = name;
  }

  async establish({ signal }: EstablishOptions): Promise<Established> {
    if (this.#isReleased) throw new UsageError('ERR_NBD_CLOSED', `${this.#name}: the connector has been released`);
    signal?.throwIfAborted();
    const established = this.#established;
    this.#established = undefined;
    if (established !== undefined) return established;
    const message = `${this.#name}: the connection was made elsewhere, and cannot be made again`;
    throw new ConnectError('ERR_NBD_CONNECT', message, { permanent: true });
  }

  retry(): void {}

  release(): void {
    this.#isReleased = true;
    this.#established?.channel.destroy();
    this.#established = undefined;
  }
}
