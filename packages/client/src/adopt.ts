/** A client on a connection that is negotiated already. */
import { ConnectError, type Connector, type Established, type EstablishOptions, UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';
import { deviceOptions } from '@nbdjs/multiplexer';
import type { NbdClient } from './client.ts';
import { openDevice } from './connect.ts';
import { type AdoptOptions, adoptOptions } from './options.ts';

/**
 * Opens a client on a connection that the caller has negotiated, such as by `go()` of `openNegotiation`. Call it at once: bytes that
 * arrive before end the connection. The connection belongs to the client from the call on. When it is lost, there is no other.
 *
 * @param name What error messages call the server. @default the channel's peer
 * @throws UsageError `ERR_NBD_ARGUMENT` when `established` is no connection, or for a wrong option; ProtocolError when the server has
 *   broken the rules already; or the signal's reason.
 */
export async function adoptConnection(
  established: Established,
  options: AdoptOptions = {},
  name: string = established?.channel?.peer?.name,
): Promise<NbdClient> {
  if (typeof established?.channel?.open !== 'function' || typeof established.facts !== 'object') {
    const message = `adoptConnection: the connection is ${describeValue(established)}, expected { channel, facts, excess }`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const { signal } = adoptOptions.resolve('adoptConnection', options);
  return await openDevice(new SingleConnection(established, name), deviceOptions.pick(options), name, signal);
}

/** Gives its one connection to the first caller, and an error to all others. */
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
