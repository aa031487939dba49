/** A server whose sessions run in several threads. This thread accepts the clients, decides about them, and counts. */
import { type ByteChannel, type Trace, UsageError } from '@nbdjs/interfaces';
import { diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/node';
import { capabilities } from '@nbdjs/syscalls';
import { Acceptor, type ServedClient } from '../admission/acceptor.ts';
import { AccessList } from '../admission/access-list.ts';
import { type ServerEvents, serverEvents } from '../events.ts';
import type { Exported } from '../exports/export-table.ts';
import type { Server } from '../server.ts';
import { givenLoopbackLimits } from '../server-options.ts';
import type { ServerSettings } from '../server-settings.ts';
import type { SessionDescription } from '../session/session-description.ts';
import { addCutOffs, type ClientCounts, noClients } from '../statistics/client-counts.ts';
import type { Statistics } from '../statistics/statistics.ts';
import { RemoteSession } from './remote-session.ts';
import type { ThreadOrder } from './thread-messages.ts';
import {
  resolveThreads,
  type ThreadedServerOptions,
  type ThreadSettings,
  threadedServerOptions,
} from './thread-options.ts';
import { ThreadPool } from './thread-pool.ts';
import { UnservedClient } from './unserved-client.ts';
import { within } from './within.ts';

/**
 * A server whose sessions run in threads. It serves clients whose channels are sockets; others are refused with the event
 * `handshake-failed`.
 */
export interface ThreadedServer extends Omit<Server, 'reloadTls'> {
  /** What the threads export. */
  readonly exported: Exported;
  /**
   * Has all threads read the files of TLS again, for clients that connect from now on; no client is cut off.
   *
   * @throws UsageError when something is wrong with them; all threads go on with the old ones then.
   */
  reloadTls(): Promise<void>;
  /**
   * Stops in good order, as a server without threads does. Then the threads have `closeMs` to close their devices, and are stopped
   * wherever they are.
   */
  close(): Promise<void>;
  /** Cuts all clients off and stops the threads, whether they work or not. */
  destroy(cause?: Error): Promise<void>;
}

/** Whether the sessions of a server can run in threads here: descriptors have to be duplicated, which Node alone cannot do. */
export function canUseThreads(): boolean {
  return capabilities().duplicateDescriptor;
}

/**
 * Starts the threads of a server, which listens nowhere: `accept` gives it its clients. See `serve` for a server with a listener.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when an option is wrong, `ERR_NBD_NOT_SUPPORTED` where descriptors cannot be duplicated; and what
 *   `open` throws in a thread, or the module while it is loaded. No thread is left then.
 */
export async function createThreadedServer(options: ThreadedServerOptions): Promise<ThreadedServer> {
  const resolved = threadedServerOptions.resolve('createThreadedServer', options);
  const threads = resolveThreads(resolved.threads);
  if (!canUseThreads()) {
    const message =
      'a server cannot use threads here: descriptors cannot be duplicated (see capabilities of @nbdjs/syscalls)';
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  const { limits, style, mode, busyPollMs, trace = diagnosticsTrace<ServerEvents>(serverEvents) } = resolved;
  const settings = Object.freeze({ ...limits, style, mode, busyPollMs });
  const { access, onSessionEnd } = resolved;
  const acceptor = {
    settings,
    clock: systemClock,
    nextTurn,
    trace,
    access: new AccessList(access),
    loopback: givenLoopbackLimits(options),
  };
  const server = new PooledServer({ settings, threads, trace }, acceptor, onSessionEnd);
  await server.ready();
  return server;
}

type Parts = {
  readonly settings: ServerSettings;
  readonly threads: ThreadSettings;
  readonly trace: Trace<ServerEvents>;
};
type AcceptorBase = Omit<ConstructorParameters<typeof Acceptor>[0], 'begin' | 'counts' | 'refusal' | 'onEnd'>;
type EndListener = ((session: SessionDescription & { readonly isNegotiated: boolean }) => void) | undefined;

/** How long the threads may go on after `destroy`, in milliseconds. */
const destroyMs = 1000;

class PooledServer implements ThreadedServer {
  readonly #parts: Parts;
  readonly #counts = noClients();
  readonly #acceptor: Acceptor<ServedClient>;
  readonly #pool: ThreadPool;
  #arePlacesWanted = false;
  #exported: Exported = { names: undefined, tlsMode: undefined };

  constructor(parts: Parts, base: AcceptorBase, onSessionEnd: EndListener) {
    this.#parts = parts;
    this.#pool = new ThreadPool({
      ...parts,
      onPlaceWanted: (session, answer) => void this.#takePlace(session, answer),
      onNegotiated: (session) => this.#acceptor.onNegotiated(session),
    });
    this.#acceptor = new Acceptor<ServedClient>({
      ...base,
      counts: this.#counts,
      begin: (channel) => this.#begin(channel),
      refusal: () => (this.#pool.isUsable ? undefined : 'no-thread'),
      onEnd: (client) => {
        this.#updateWanted();
        if (client instanceof RemoteSession) onSessionEnd?.(client);
      },
    });
  }

  async ready(): Promise<void> {
    const { names, tlsMode } = await this.#pool.ready();
    this.#exported = { names, tlsMode };
  }

  get exported(): Exported {
    return this.#exported;
  }

  get sessions(): readonly SessionDescription[] {
    return this.#acceptor.clients;
  }

  get clients(): Readonly<ClientCounts> {
    const { accepted, refused } = this.#counts;
    const counts = { ...noClients(), accepted, refused: { ...refused } };
    for (const cutOff of this.#pool.cutOffs) addCutOffs(counts, cutOff);
    return counts;
  }

  get statistics(): Statistics {
    return this.#acceptor.statistics;
  }

  statisticsOf(exportName: string): Statistics {
    return this.#acceptor.statisticsOf(exportName);
  }

  get bytesInFlight(): number {
    return this.#pool.usedBytes;
  }

  async reloadTls(): Promise<void> {
    if (this.#exported.tlsMode === undefined) {
      throw new UsageError('ERR_NBD_STATE', 'this server has no TLS that could be set up again');
    }
    await this.#pool.reloadTls();
  }

  accept(channel: ByteChannel): Promise<void> {
    return this.#acceptor.accept(channel);
  }

  async close(): Promise<void> {
    await this.#acceptor.close();
    await this.#pool.end(this.#parts.settings.closeMs);
  }

  async destroy(cause?: Error): Promise<void> {
    const destroyed = this.#acceptor.destroy(cause);
    await within(systemClock, destroyMs, destroyed);
    await this.#pool.end(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #begin(channel: ByteChannel): ServedClient {
    const { peer } = channel;
    const socket = this.#pool.isUsable ? this.#pool.detach(channel) : undefined;
    const session = socket && this.#pool.serve(socket);
    if (session !== undefined) return session;
    const { trace } = this.#parts;
    if (trace.enabled) {
      const message = `${peer.name}: the connection cannot be handed over to a thread, because it is no plain socket`;
      trace.emit('handshake-failed', { peer, error: new UsageError('ERR_NBD_NOT_SUPPORTED', message) });
    }
    return new UnservedClient(channel);
  }

  async #takePlace(session: RemoteSession, answer: (order: ThreadOrder) => void): Promise<void> {
    const place = this.#acceptor.takePlace(session);
    this.#updateWanted();
    const refusal = await place;
    this.#updateWanted();
    answer({ type: 'placed', session: session.number, refusal });
  }

  /** Threads cut off clients without progress for those that wait for a place in another thread, too. */
  #updateWanted(): void {
    const areWanted = this.#acceptor.isPlaceWanted;
    if (areWanted === this.#arePlacesWanted) return;
    this.#arePlacesWanted = areWanted;
    this.#pool.sendAll({ type: 'places', areWanted });
  }
}
