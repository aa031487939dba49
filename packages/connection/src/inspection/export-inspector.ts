/** One server that is asked about its exports. */
import type { ClientHandshakeOptions } from '@nbdjs/handshake';
import {
  type ChannelOpener,
  ConnectError,
  type Established,
  type ExportFacts,
  type HandshakeStyle,
  type HeaderMode,
  NegotiationError,
  ProtocolError,
  TimeoutError,
} from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';
import type { Endpoint, TlsClientSettings } from '@nbdjs/transport';
import { isOpener, nameOfOpener } from '../attempts/opener-source.ts';
import { createConnector } from '../connectors/create-connector.ts';
import { createOpenerConnector } from '../connectors/opener-connector.ts';
import { nameOfEndpoint } from '../names.ts';
import type { Negotiation } from '../negotiation/negotiation.ts';
import { resolveTlsMode } from '../tls.ts';
import { leaveExport, leaveNegotiation } from './leave-taking.ts';
import { openNegotiation } from './open-negotiation.ts';

/** A server that has left this many connections in a row without an answer is not connected to again. */
const silencesMax = 3;

/** How a server is reached that is asked about its exports. */
export interface InspectorOptions {
  /** The name of the server in error messages. @default the endpoint as an NBD URI, or the opener's name */
  readonly name?: string | undefined;
  /** Ends what is under way, and everything after it. */
  readonly signal?: AbortSignal | undefined;
  /** What to ask for at most, whether to use TLS, and the limits of the handshake. */
  readonly handshake?: Pick<ClientHandshakeOptions, 'limits' | 'mode' | 'tls'> | undefined;
  /** How TLS is set up. Given without `handshake.tls`, it means that TLS is required. */
  readonly tls?: TlsClientSettings | undefined;
  /** Until the transport is connected, in milliseconds. @default `limits.connectMs` */
  readonly connectTimeoutMs?: number | undefined;
  /** For the handshake up to option mode, and for each option, in milliseconds. @default `limits.handshakeMs` */
  readonly handshakeTimeoutMs?: number | undefined;
  /** More than 0: attempts to connect are repeated for at most this long, in milliseconds. @default 0 */
  readonly openTimeoutMs?: number | undefined;
  /** Attempts at most. @default as many as the time allows */
  readonly openAttemptsMax?: number | undefined;
  /** With `openTimeoutMs`: the name of an export that is waited for, like the server. @default only the server is waited for */
  readonly awaitExport?: string | undefined;
}

/**
 * Connects to a server, to ask it about its exports.
 *
 * @param endpoint Where it is, or what opens channels to it.
 * @throws as `openNegotiation` does.
 */
export async function openInspector(
  endpoint: ChannelOpener | Endpoint,
  given: InspectorOptions = {},
): Promise<ExportInspector> {
  const options = resolveTlsMode(given);
  const { awaitExport } = options;
  const isAwaited = awaitExport !== undefined && (options.openTimeoutMs ?? 0) > 0;
  const probe = isAwaited ? (negotiation: Negotiation) => requireExport(negotiation, awaitExport) : undefined;
  return new ExportInspector(endpoint, options, await negotiate(endpoint, options, probe));
}

/**
 * Asks one server about its exports, over one connection at a time: many servers accept one client only, and a second connection
 * would wait for the first. A connection that breaks after it has answered is replaced, so that one export cannot hide the
 * others. One call may be outstanding at a time.
 *
 * Every call may throw NegotiationError (the server refused), or ConnectError, ProtocolError, TimeoutError, or the
 * signal's reason.
 */
export class ExportInspector implements AsyncDisposable {
  /** The name of the server in error messages. */
  readonly name: string;
  /** What was agreed on with the first connection. */
  readonly style: HandshakeStyle;
  /** The headers of the transmission phase, as agreed on with the first connection. */
  readonly mode: HeaderMode;
  /** Whether the first connection travels in TLS. */
  readonly tls: boolean;
  /** The signal of the options. */
  readonly signal: AbortSignal | undefined;
  readonly #endpoint: ChannelOpener | Endpoint;
  readonly #options: InspectorOptions;
  #negotiation: Negotiation | undefined;
  /** Whether the server has answered on this connection before: if it breaks now, earlier questions may be the reason. */
  #hasAnswered = false;
  /** Whether the server may support INFO. */
  #mayKnowInfo = true;
  /** Connections in a row without an answer. */
  #silences = 0;

  /** Use `openInspector`. */
  constructor(endpoint: ChannelOpener | Endpoint, options: InspectorOptions, negotiation: Negotiation) {
    this.name = nameOf(endpoint, options);
    this.style = negotiation.style;
    this.mode = negotiation.mode;
    this.tls = negotiation.tls;
    this.signal = options.signal;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#negotiation = negotiation;
  }

  /** Returns the exports that the server lists (`NBD_OPT_LIST`). */
  list(): Promise<readonly ExportEntry[]> {
    return this.#ask((negotiation) => negotiation.list());
  }

  /**
   * Returns what the server reports about an export without opening it (`NBD_OPT_INFO`), or `undefined` from a server without that option.
   */
  async info(exportName: string): Promise<ExportFacts | undefined> {
    // The plain newstyle handshake has no option but to open an export.
    if (!this.#mayKnowInfo || this.style === 'newstyle') return undefined;
    try {
      return await this.#ask((negotiation) => negotiation.info(exportName));
    } catch (error) {
      this.signal?.throwIfAborted();
      if (isRefusal(error) && error.code !== 'ERR_NBD_OPTION_UNSUPPORTED') throw error;
      // A server that gets out of sync at INFO may open exports nevertheless; if it does not, that is an error again.
      this.#mayKnowInfo = false;
      return undefined;
    }
  }

  /** Returns the metadata contexts that an export offers, or `undefined` where they cannot be asked for. */
  async metaContexts(exportName: string): Promise<readonly string[] | undefined> {
    if (this.mode === 'simple') return undefined;
    try {
      return await this.#ask((negotiation) => negotiation.listMetaContexts(exportName));
    } catch {
      this.signal?.throwIfAborted();
      return undefined;
    }
  }

  /**
   * Returns the facts of an export that can be opened. INFO is not enough where it reports a size of 0, as nbd-server does for every
   * export, even for those that it would not open: then the export is opened, and left again.
   */
  async facts(exportName: string): Promise<ExportFacts> {
    const described = await this.info(exportName);
    if (described !== undefined && described.size > 0n) return described;
    const established = await this.open(exportName);
    await leaveExport(established, this.signal);
    return { ...described, ...established.facts };
  }

  /** Opens an export. The connection is the caller's from then on; `leaveExport` ends it. */
  async open(exportName: string): Promise<Established> {
    const negotiation = this.#negotiation;
    if (negotiation !== undefined) {
      const stopWatching = this.#closeOnAbort(negotiation);
      try {
        const established = this.#requireSilence(await negotiation.go(exportName));
        this.#negotiation = undefined;
        return established;
      } catch (error) {
        // The next option may follow a refusal, but nbd-server mixes up exports after a refused GO.
        await this.#leave();
        this.signal?.throwIfAborted();
        if (isRefusal(error) || error instanceof TimeoutError) throw error;
        // Try again by a connector, which has a workaround for each known defect of servers.
      } finally {
        stopWatching();
      }
    }
    return await this.#noteAnswer(() => this.#connect(() => this.#establish(exportName)));
  }

  /** Leaves the server, with a message to it. */
  async close(): Promise<void> {
    await this.#leave();
  }

  /** The same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
  }

  /** Asks, and asks once more on a new connection when the connection breaks after it has had answers. */
  async #ask<Answer>(question: (negotiation: Negotiation) => Promise<Answer>): Promise<Answer> {
    for (;;) {
      this.#negotiation ??= await this.#connect(() => negotiate(this.#endpoint, this.#options));
      const negotiation = this.#negotiation;
      const hadAnswered = this.#hasAnswered;
      const stopWatching = this.#closeOnAbort(negotiation);
      try {
        return await this.#noteAnswer(() => question(negotiation));
      } catch (error) {
        if (isRefusal(error)) throw error;
        await this.#leave();
        this.signal?.throwIfAborted();
        if (!hadAnswered) throw error;
      } finally {
        stopWatching();
      }
    }
  }

  /** Notes that the server has answered; a refusal is an answer as well. */
  async #noteAnswer<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await ask();
      this.#hasAnswered = true;
      this.#silences = 0;
      return answer;
    } catch (error) {
      if (isRefusal(error)) {
        this.#hasAnswered = true;
        this.#silences = 0;
      }
      throw error;
    }
  }

  /** Makes a connection, unless too many had no answer. */
  async #connect<Connection>(make: () => Promise<Connection>): Promise<Connection> {
    this.signal?.throwIfAborted();
    if (this.#silences >= silencesMax) {
      const message = `${this.name}: not asked, because the server has not answered about the ${silencesMax} before`;
      throw new ConnectError('ERR_NBD_CONNECT', message);
    }
    this.#silences++;
    return await make();
  }

  /** Opens an export by a connection of its own. */
  async #establish(exportName: string): Promise<Established> {
    const { handshake, signal, tls, connectTimeoutMs, handshakeTimeoutMs, openTimeoutMs, openAttemptsMax } =
      this.#options;
    const endpoint = this.#endpoint;
    const settings = {
      handshake: { mode: 'extended' as const, ...handshake, exportName, contexts: [], fullInfo: true },
      tls,
      connectTimeoutMs,
      handshakeTimeoutMs,
      openTimeoutMs,
      openAttemptsMax,
    };
    const connector = isOpener(endpoint)
      ? createOpenerConnector({ opener: endpoint, ...settings })
      : createConnector({ endpoint, delivery: 'inline', ...settings }).connector;
    try {
      return this.#requireSilence(await connector.establish({ wait: true, signal }));
    } finally {
      connector.release();
    }
  }

  /** @throws ProtocolError when the server has sent bytes that it was not asked for. */
  #requireSilence(established: Established): Established {
    const { channel, excess } = established;
    if (excess.length === 0) return established;
    channel.destroy();
    const message = `${this.name}: server sent ${excess.length} bytes before it was asked for any`;
    throw new ProtocolError('unsolicited-bytes', message, { phase: 'transmission', excerpt: excess });
  }

  /** Closes a connection when the signal aborts. Returns a function that ends the watch. */
  #closeOnAbort(negotiation: Negotiation): () => void {
    const close = (): void => negotiation.close();
    this.signal?.addEventListener('abort', close, { once: true });
    return () => this.signal?.removeEventListener('abort', close);
  }

  async #leave(): Promise<void> {
    const negotiation = this.#negotiation;
    this.#negotiation = undefined;
    this.#hasAnswered = false;
    if (negotiation !== undefined) await leaveNegotiation(negotiation);
  }
}

/** Returns whether the server has refused what it was asked for, and the handshake goes on. */
function isRefusal(error: unknown): error is NegotiationError {
  return error instanceof NegotiationError;
}

function nameOf(endpoint: ChannelOpener | Endpoint, { name, handshake }: InspectorOptions): string {
  if (name !== undefined) return name;
  if (isOpener(endpoint)) return nameOfOpener(endpoint);
  return nameOfEndpoint(endpoint, '', handshake?.tls === 'require');
}

function negotiate(
  endpoint: ChannelOpener | Endpoint,
  options: InspectorOptions,
  probe?: (negotiation: Negotiation) => Promise<unknown>,
): Promise<Negotiation> {
  const { handshakeTimeoutMs, signal, tls, connectTimeoutMs, openTimeoutMs, openAttemptsMax } = options;
  return openNegotiation(endpoint, {
    name: nameOf(endpoint, options),
    signal,
    tls,
    // No context is selected, because none is used.
    handshake: { ...options.handshake, fullInfo: true, contexts: [] },
    timeoutMs: handshakeTimeoutMs,
    connectTimeoutMs,
    openTimeoutMs,
    openAttemptsMax,
    awaitExport: probe !== undefined,
    probe,
  });
}

/** Fails when the server answers that it has no such export. */
async function requireExport(negotiation: Negotiation, exportName: string): Promise<void> {
  if (negotiation.style === 'newstyle') return;
  try {
    await negotiation.info(exportName);
  } catch (error) {
    if (!(isRefusal(error) && error.code === 'ERR_NBD_OPTION_UNSUPPORTED')) throw error;
  }
}
