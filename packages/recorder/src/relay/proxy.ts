/** A proxy between any clients and one server, which listens to their sessions. */
import type { ByteChannel, ChannelOpener, Clock } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, toError } from '@nbdjs/kit';
import type { FaultInjector } from '../faults/fault-injector.ts';
import type { SessionLog } from '../recording/session-log.ts';
import { type RelayedSession, relaySession } from './relay.ts';

/** The options of `createListeningProxy` as data. */
export const proxyOptions = defineOptions({
  /** Opens a channel to the server for each client. */
  upstream: option.object<ChannelOpener>({ required: true, doc: 'Opens a channel to the server for each client.' }),
  /** Is given all that happens. */
  log: option.object<SessionLog>({ required: true, doc: 'Is given all that happens.' }),
  /** What is done to messages. @default nothing: every byte passes as it came */
  faults: option.object<FaultInjector>({
    doc: 'What is done to messages.',
    defaultText: 'nothing: every byte passes as it came',
  }),
  /** Asked after each delivery: a promise holds the session until it is fulfilled. @default sessions go on */
  hold: option.callback<() => Promise<unknown> | undefined>({
    doc: 'Asked after each delivery: a promise holds the session until it is fulfilled.',
    defaultText: 'sessions go on',
  }),
  /** Time. */
  clock: option.object<Clock>({ required: true, doc: 'Time.' }),
});

/** How a proxy listens, and to which server its clients come. */
export interface ProxyOptions extends OptionsOf<typeof proxyOptions> {}

/** A proxy, to which clients are given as channels. */
export interface ListeningProxy {
  /** Sessions that are under way, or about to begin. */
  readonly sessionCount: number;
  /**
   * Passes the session of a client on, over a connection of its own to the server. Settles when both connections are closed: to the error
   * that ended one of them or kept the server from being reached, or to `undefined`. Never rejects. The channel belongs to the proxy.
   */
  accept(client: ByteChannel): Promise<Error | undefined>;
  /** Ends all sessions, and waits until their channels are closed. */
  close(): Promise<void>;
}

/**
 * Makes a proxy.
 *
 * @throws UsageError for an option that is wrong.
 */
export function createListeningProxy(options: ProxyOptions): ListeningProxy {
  return new Sessions(options);
}

class Sessions implements ListeningProxy {
  readonly #settings: ReturnType<typeof proxyOptions.resolve>;
  readonly #stop = new AbortController();
  readonly #sessions = new Set<Promise<unknown>>();
  readonly #relayed = new Set<RelayedSession>();

  constructor(options: ProxyOptions) {
    this.#settings = proxyOptions.resolve('createListeningProxy', options);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  accept(client: ByteChannel): Promise<Error | undefined> {
    const session = this.#pass(client);
    this.#sessions.add(session);
    void session.then(() => this.#sessions.delete(session));
    return session;
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the proxy is closed'));
    for (const relayed of this.#relayed) relayed.destroy();
    await Promise.all(this.#sessions);
  }

  async #pass(client: ByteChannel): Promise<Error | undefined> {
    const { upstream, log, faults, hold, clock } = this.#settings;
    const listener = log.connection(client.peer.name, upstream.name ?? 'NBD');
    const end = (error: Error | undefined): Error | undefined => {
      listener.close(error?.message ?? '');
      return error;
    };
    let server: ByteChannel;
    try {
      this.#stop.signal.throwIfAborted();
      server = await upstream.open({ signal: this.#stop.signal });
    } catch (cause) {
      const error = toError(cause);
      client.destroy(error);
      await client.closed;
      return end(error);
    }
    const relayed = relaySession(client, server, {
      listener,
      hold,
      clock,
      faults: faults?.connection(listener.number),
    });
    this.#relayed.add(relayed);
    if (this.#stop.signal.aborted) relayed.destroy();
    const error = await relayed.closed;
    this.#relayed.delete(relayed);
    return end(error);
  }
}
