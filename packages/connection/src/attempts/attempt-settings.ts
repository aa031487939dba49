/** How attempts at one endpoint are made and repeated. */
import type { AvoidableOption, ClientHandshakeOptions } from '@nbdjs/handshake';
import { type Clock, type Established, limits } from '@nbdjs/interfaces';
import { connectEndpoint, type Endpoint, type TlsClientSettings } from '@nbdjs/transport';
import type { ConnectionEvent } from '../diagnostics.ts';
import { nameOfEndpoint } from '../names.ts';
import type { UpgradeTls } from '../negotiation/handshake-driver.ts';
import { negotiateIdle } from '../negotiation/negotiate.ts';
import { upgradeWith } from '../tls.ts';
import type { ConnectLoopOptions } from './connect-loop.ts';
import { Ladder } from './ladder.ts';

/** Plain data, so that it can cross to another thread. */
export interface AttemptSettings {
  readonly endpoint: Endpoint;
  /** What to ask of the server. */
  readonly handshake?: ClientHandshakeOptions | undefined;
  /**
   * How TLS is set up. Given without `handshake.tls`, it means that TLS is required. Files are read anew for each attempt.
   *
   * @default the client's folder, or the system's authorities, when `handshake.tls` asks for TLS
   */
  readonly tls?: TlsClientSettings | undefined;
  /** Until the transport stands, in milliseconds. @default `limits.connectMs` */
  readonly connectTimeoutMs?: number | undefined;
  /** For the whole handshake, in milliseconds. @default `limits.handshakeMs` */
  readonly handshakeTimeoutMs?: number | undefined;
  /** A refusal on principle (an unknown export, say) ends the repetition of attempts. @default true */
  readonly stopOnPermanent?: boolean | undefined;
  /** An export that the server does not know is waited for, as a server that is not there is. @default false */
  readonly awaitExport?: boolean | undefined;
  /**
   * More than 0: until the first success, attempts are repeated even though `retry` is off, and a wait lasts at most
   * this long, in milliseconds. @default 0
   */
  readonly openTimeoutMs?: number | undefined;
  /** No more attempts than this until the first success, then the last error is told. @default as many as the time allows */
  readonly openAttemptsMax?: number | undefined;
}

/** What only the thread that makes the attempts has. */
export interface AttemptMeans {
  readonly clock: Clock;
  readonly jitter?: (() => number) | undefined;
  readonly upgradeTls?: UpgradeTls | undefined;
  readonly report?: ((event: ConnectionEvent) => void) | undefined;
  readonly waiting?: ((on: boolean) => void) | undefined;
}

/** What the connections lead to, for messages. */
export function nameOfSettings({ endpoint, handshake }: AttemptSettings): string {
  return nameOfEndpoint(endpoint, handshake?.exportName, handshake?.tls === 'require');
}

/** Joins settings and means: an attempt connects, shakes hands and parks the connection. */
export function connectLoopOptions(settings: AttemptSettings, means: AttemptMeans): ConnectLoopOptions<Established> {
  const {
    endpoint,
    handshake = {},
    tls,
    connectTimeoutMs,
    stopOnPermanent,
    awaitExport,
    openTimeoutMs,
    openAttemptsMax,
  } = settings;
  const { clock, upgradeTls = upgradeWith(tls, endpoint) } = means;
  const timeoutMs = settings.handshakeTimeoutMs ?? limits.handshakeMs;
  const name = nameOfSettings(settings);
  const ladder = ladderFor(handshake, name, means.report, (openTimeoutMs ?? 0) > 0);
  return {
    ...means,
    name,
    stopOnPermanent,
    awaitExport,
    openTimeoutMs,
    openAttemptsMax,
    async attempt(signal) {
      const meet = async (avoid: readonly AvoidableOption[]) => {
        const channel = await connectEndpoint(endpoint, { signal, connectTimeoutMs });
        const options = { signal, timeoutMs, leaveMs, upgradeTls, name, clock };
        return await negotiateIdle(channel, { ...handshake, avoid }, options);
      };
      // An inherited descriptor is one connection, and no other can be made.
      return endpoint.type === 'descriptor' ? await meet(handshake.avoid ?? []) : await ladder.descend(meet);
    },
  };
}

/** A server that does not answer meanwhile is left without a word, in milliseconds. */
const leaveMs = 250;

/** A ladder that tells of its steps. */
export function ladderFor(
  { avoid }: ClientHandshakeOptions,
  endpoint: string,
  report: AttemptMeans['report'],
  isPatient: boolean,
): Ladder {
  return new Ladder(avoid, (step) => report?.({ type: 'downgraded', endpoint, ...step }), isPatient);
}
