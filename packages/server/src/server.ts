/** An NBD server: exports, and the clients that use them. */
import { type ByteChannel, type SecureUpgrade, type ServerTls, UsageError } from '@nbdjs/interfaces';
import { Acceptor } from './admission/acceptor.ts';
import type { MakeClientFilter } from './admission/client-filter.ts';
import type { LoopbackLimits } from './admission/connection-gate.ts';
import type { ExportProvider } from './exports/export.ts';
import { namesClients, providerOf } from './exports/export-table.ts';
import { createContext, type ServerContext } from './server-context.ts';
import {
  givenLoopbackLimits,
  type ResolvedOptions,
  requireNewstyle,
  resolveOptions,
  type ServerOptions,
} from './server-options.ts';
import { Session } from './session/session.ts';
import type { SessionDescription } from './session/session-description.ts';
import type { ClientCounts } from './statistics/client-counts.ts';
import type { Statistics } from './statistics/statistics.ts';

/**
 * Serves exports to the clients at the other end of the channels that it is given.
 *
 * It opens and closes no device by itself: what a table or a provider hands out belongs to them.
 */
export interface Server {
  /** Serves one client; settles when it is gone and no device works for it any more. Never rejects. */
  accept(channel: ByteChannel): Promise<void>;
  /** The clients that are connected. */
  readonly sessions: readonly SessionDescription[];
  /** What all clients have done so far, including those that are gone. */
  readonly statistics: Readonly<Statistics>;
  /** The same of all clients of one export. Those that are gone count for the 1024 exports that were used last. */
  statisticsOf(exportName: string): Readonly<Statistics>;
  /** How many clients were accepted, refused and cut off, and why. */
  readonly clients: Readonly<ClientCounts>;
  /** Payload bytes in flight and in replies that wait. */
  readonly bytesInFlight: number;
  /**
   * Has TLS read its files again, or takes another TLS, for clients that connect from now on; no client is cut off.
   *
   * @throws UsageError when something is wrong with them, or when there are none; the server goes on with the old ones.
   */
  reloadTls(tls?: ServerTls): void;
  /**
   * Stops in good order: what is under way is finished, further requests are answered with ESHUTDOWN, further options with
   * `ERR_SHUTDOWN`, and after `closeMs` the clients that are left are cut off. A device that goes on working then is not waited for.
   */
  close(): Promise<void>;
  /** Cuts all clients off; settles when no device works any more. */
  destroy(cause?: Error): Promise<void>;
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a server with its way to tell clients apart.
 *
 * @throws UsageError when an option is wrong.
 */
export function makeServer(options: ServerOptions, filterOf: MakeClientFilter): Server {
  return new NbdServer(resolveOptions(options), givenLoopbackLimits(options), filterOf);
}

class NbdServer implements Server {
  readonly #options: ResolvedOptions;
  readonly #context: ServerContext;
  readonly #acceptor: Acceptor<Session>;
  readonly #provider: ExportProvider;
  #tlsSource: ServerTls | undefined;
  #tls: SecureUpgrade | undefined;

  constructor(options: ResolvedOptions, loopback: LoopbackLimits, filterOf: MakeClientFilter) {
    const { settings, onSessionEnd } = options;
    this.#options = options;
    if (options.tls !== undefined) this.reloadTls(options.tls);
    requireNewstyle(settings, this.#tls);
    const access = filterOf(options.access);
    this.#context = createContext(settings, options, () => this.#acceptor.isPlaceWanted);
    this.#provider = providerOf(options.exports);
    this.#acceptor = new Acceptor({
      ...this.#context,
      access,
      loopback,
      begin: (channel) => this.#begin(channel),
      onEnd: (session) => onSessionEnd?.(session),
    });
  }

  get sessions(): readonly SessionDescription[] {
    return this.#acceptor.clients;
  }

  get clients(): Readonly<ClientCounts> {
    return this.#context.counts;
  }

  get statistics(): Statistics {
    return this.#acceptor.statistics;
  }

  statisticsOf(exportName: string): Statistics {
    return this.#acceptor.statisticsOf(exportName);
  }

  get bytesInFlight(): number {
    return this.#context.budget.usedBytes;
  }

  reloadTls(source = this.#tlsSource): void {
    if (source === undefined)
      throw new UsageError('ERR_NBD_STATE', 'this server has no TLS that could be set up again');
    this.#tls = source.load({ identity: namesClients(this.#options.exports) });
    this.#tlsSource = source;
  }

  accept(channel: ByteChannel): Promise<void> {
    return this.#acceptor.accept(channel);
  }

  #begin(channel: ByteChannel): Session {
    const options = { provider: this.#provider, tls: this.#tls, owner: this.#acceptor };
    return new Session(channel, options, this.#context);
  }

  close(): Promise<void> {
    return this.#acceptor.close();
  }

  destroy(cause?: Error): Promise<void> {
    return this.#acceptor.destroy(cause);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
