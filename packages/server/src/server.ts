/** An NBD server: exports, and the clients that use them. */
import {
  type ByteChannel,
  type Clock,
  type Defer,
  limits as defaults,
  type Trace,
  UsageError,
} from '@nbdjs/interfaces';
import { diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/syscalls';
import { createTlsServer, type TlsServer, type TlsServerSettings } from '@nbdjs/transport';
import { Budget } from './budget.ts';
import { BusyPoll } from './busy-poll.ts';
import { DeviceUsers } from './device-users.ts';
import { type ExportProvider, type ExportTable, namesClients, providerOf } from './exports.ts';
import { MemoryPool } from './memory-pool.ts';
import { Session, type SessionDescription, type SessionOptions } from './session.ts';
import { addStatistics, emptyStatistics, type Statistics } from './statistics.ts';
import type { TransmissionLimits } from './transmission.ts';

export interface ServerLimits extends TransmissionLimits {
  /** From the first byte to the end of the handshake, in milliseconds; 0 for no limit. */
  readonly handshakeMs: number;
  /** Clients at a time. Further ones wait without being greeted. 0 for no limit. */
  readonly connectionsMax: number;
  /** Clients that may wait; whoever comes then is turned away. */
  readonly waitingMax: number;
  /** Payload bytes in flight and in replies that wait, of all clients together. */
  readonly serverBytesMax: number;
}

export interface ServerOptions {
  /** A table of devices by name, or somebody who decides. A table's single export is the default one, too. */
  readonly exports: ExportTable | ExportProvider;
  readonly limits?: Partial<ServerLimits> | undefined;
  /**
   * Certificates or shared keys, and whom to serve. Clients have to show certificates when a table's export is for some of them.
   *
   * @default no TLS
   */
  readonly tls?: TlsServerSettings | undefined;
  /** How far clients may raise the agreement. @default 'extended' */
  readonly mode?: 'simple' | 'structured' | 'extended' | undefined;
  /** Called when a client that had finished the handshake (or not) is gone. */
  readonly onSessionEnd?: ((session: SessionDescription & { readonly isNegotiated: boolean }) => void) | undefined;
  /**
   * How long to stay awake for the next request, in milliseconds, while clients are found to come back that quickly; the processor
   * is busy meanwhile. 0 to go to sleep at once. @default 0.1
   */
  readonly busyPollMs?: number | undefined;
  /** @default Node's monotonic clock */
  readonly clock?: Clock | undefined;
  /** @default setImmediate */
  readonly nextTurn?: Defer | undefined;
  /** @default diagnostics channels `nbdjs:server:<event>` */
  readonly trace?: Trace | undefined;
}

/** Events on the diagnostics channels `nbdjs:server:<event>`. */
export const traceEvents = [
  'option',
  'tls',
  'export-refused',
  'handshake-failed',
  'established',
  'request-failed',
  'closed',
] as const;

/**
 * Longer than it takes a client on the same machine to come back. With half as much, one whose answer is slowed down by waking the
 * server is never found to come back quickly, and waking it goes on.
 */
const busyPollMsDefault = 0.1;
/** Whoever takes longer can as well be woken. */
const busyPollMsMax = 10;
/** Free memory that is kept for the next request. */
const keptBytesMax = 32 * 2 ** 20;

/**
 * Serves exports to whoever is at the other end of the channels that it is given.
 *
 * It opens and closes no device of its own accord: what a table or a provider hands out belongs to them.
 */
export interface Server {
  /** Serves one client; settles when it is gone and no device works for it any more. Never rejects. */
  accept(channel: ByteChannel): Promise<void>;
  /** The clients that are connected. */
  readonly sessions: readonly SessionDescription[];
  /** Of all clients so far. */
  readonly statistics: Readonly<Statistics>;
  /** Payload bytes in flight and in replies that wait. */
  readonly bytesInFlight: number;
  /**
   * Reads the files that TLS was told of again, or takes other settings, for clients that come from now on; nobody is cut off.
   *
   * @throws UsageError when something is wrong with them, or when there are none; the server goes on with the old ones.
   */
  reloadTls(settings?: TlsServerSettings): void;
  /**
   * Stops in good order: what is under way is finished, further requests are answered with ESHUTDOWN, further options with
   * `ERR_SHUTDOWN`, and after `closeMs` whoever is still there is cut off.
   */
  close(): Promise<void>;
  /** Cuts everybody off; settles when no device works any more. */
  destroy(cause?: Error): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @throws UsageError when an option is wrong. */
export function createServer(options: ServerOptions): Server {
  return new NbdServer(options);
}

class NbdServer implements Server {
  readonly #sessions = new Set<Session>();
  readonly #waiting: { readonly channel: ByteChannel; readonly start: () => void }[] = [];
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #budget: Budget;
  readonly #sessionOptions: Omit<SessionOptions, 'tls'>;
  #tlsSettings: TlsServerSettings | undefined;
  #tls: TlsServer | undefined;
  /** What the sessions that are over have done. */
  readonly #past = emptyStatistics();
  #isClosing = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = settleLimits(options.limits ?? {});
    this.#budget = new Budget(this.#limits.serverBytesMax);
    if (options.tls !== undefined) this.reloadTls(options.tls);
    const { clock = systemClock, nextTurn: defer = nextTurn, busyPollMs = busyPollMsDefault } = options;
    if (!(busyPollMs >= 0 && busyPollMs <= busyPollMsMax)) {
      const message = `busyPollMs is ${busyPollMs}, expected 0 to ${busyPollMsMax} milliseconds`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    this.#sessionOptions = {
      clock,
      nextTurn: defer,
      trace: options.trace ?? diagnosticsTrace('server', traceEvents),
      pool: new MemoryPool(keptBytesMax),
      budget: this.#budget,
      users: new DeviceUsers(),
      busyPoll: new BusyPoll(clock, defer, busyPollMs),
      limits: this.#limits,
      provider: providerOf(options.exports),
      handshakeMs: this.#limits.handshakeMs,
      mode: options.mode ?? 'extended',
    };
  }

  get sessions(): readonly SessionDescription[] {
    return [...this.#sessions];
  }

  get statistics(): Statistics {
    const sum = { ...this.#past };
    for (const { statistics } of this.#sessions) addStatistics(sum, statistics);
    return sum;
  }

  get bytesInFlight(): number {
    return this.#budget.usedBytes;
  }

  reloadTls(settings = this.#tlsSettings): void {
    if (settings === undefined)
      throw new UsageError('ERR_NBD_STATE', 'this server has no TLS that could be set up again');
    const mustKnow = namesClients(this.#options.exports) || undefined;
    this.#tls = createTlsServer({ ...settings, verifyPeer: settings.verifyPeer ?? mustKnow });
    this.#tlsSettings = settings;
  }

  async accept(channel: ByteChannel): Promise<void> {
    const { connectionsMax, waitingMax } = this.#limits;
    if (connectionsMax > 0 && this.#sessions.size >= connectionsMax && !this.#isClosing) {
      if (this.#waiting.length >= waitingMax) {
        channel.destroy();
        await channel.closed;
        return;
      }
      // Not read and not greeted, as in a listener's backlog.
      await new Promise<void>((start) => this.#waiting.push({ channel, start }));
    }
    if (this.#isClosing) {
      channel.destroy();
      await channel.closed;
      return;
    }
    const session = new Session(channel, { ...this.#sessionOptions, tls: this.#tls });
    this.#sessions.add(session);
    await session.gone;
    this.#sessions.delete(session);
    addStatistics(this.#past, session.statistics);
    this.#waiting.shift()?.start();
    this.#options.onSessionEnd?.(session);
  }

  async close(): Promise<void> {
    this.#stopWaiting();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.shutDown();
    const cancel = this.#sessionOptions.clock.schedule(this.#limits.closeMs, () => {
      for (const session of sessions) session.destroy();
    });
    await Promise.all(sessions.map(({ gone }) => gone));
    cancel();
  }

  async destroy(cause?: Error): Promise<void> {
    this.#stopWaiting();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.destroy(cause);
    await Promise.all(sessions.map(({ gone }) => gone));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #stopWaiting(): void {
    this.#isClosing = true;
    for (const { start } of this.#waiting.splice(0)) start();
  }
}

function settleLimits(given: Partial<ServerLimits>): ServerLimits {
  const settled: ServerLimits = {
    handshakeMs: given.handshakeMs ?? defaults.handshakeMs,
    connectionsMax: given.connectionsMax ?? defaults.connectionsMax,
    waitingMax: given.waitingMax ?? defaults.connectionsWaitingMax,
    serverBytesMax: given.serverBytesMax ?? defaults.serverBytesMax,
    requestsInFlightMax: given.requestsInFlightMax ?? defaults.requestsInFlightMax,
    bytesInFlightMax: given.bytesInFlightMax ?? defaults.bytesInFlightMax,
    unsentBytesMax: given.unsentBytesMax ?? defaults.unsentBytesMax,
    payloadBytesMax: given.payloadBytesMax ?? defaults.payloadBytesDefault,
    closeMs: given.closeMs ?? defaults.closeMs,
  };
  for (const [name, value] of Object.entries(settled)) {
    const least = name === 'handshakeMs' || name === 'connectionsMax' || name === 'waitingMax' ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new UsageError('ERR_NBD_ARGUMENT', `limits.${name} is ${value}, expected a whole number from ${least} on`);
    }
  }
  if (settled.payloadBytesMax > defaults.payloadBytesMax) {
    const message = `limits.payloadBytesMax is ${settled.payloadBytesMax}, at most ${defaults.payloadBytesMax} are possible`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  return settled;
}
