/** From a connected channel to a negotiated connection. */
import type { ClientHandshakeOptions } from '@nbdjs/handshake';
import { type ByteChannel, type Clock, ConnectError, type Established, limits } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { type DriverEvent, HandshakeDriver, type UpgradeTls } from './handshake-driver.ts';
import { IdleConnection } from './idle-connection.ts';
import { nameOfPeer } from './name-of-peer.ts';
import { named } from './named-error.ts';

/** The limits of a handshake over a channel, and its other inputs. */
export interface NegotiateOptions {
  /** Ends the call, which rejects with the signal's reason and closes the channel. Without effect once the call has succeeded. */
  readonly signal?: AbortSignal | undefined;
  /** For the whole handshake, in milliseconds. @default `limits.handshakeMs` */
  readonly timeoutMs?: number | undefined;
  /** Wraps the channel in TLS when both sides agree on it. @default TLS is not available */
  readonly upgradeTls?: UpgradeTls | undefined;
  /** The name of the server in error messages. @default the channel's peer as an NBD URI */
  readonly name?: string | undefined;
  /** @default Node's monotonic clock */
  readonly clock?: Clock | undefined;
}

/**
 * Negotiates with the server at the other end of a channel. The channel belongs to this call: on failure it is closed, after a
 * message to the server where the specification asks for one. On success the caller owns it, and opens it for its own sink.
 *
 * @throws NegotiationError, ProtocolError, ConnectError, TimeoutError (phase `handshake`), UsageError for a wrong option,
 *   or the signal's reason.
 */
export async function negotiate(
  channel: ByteChannel,
  handshake: ClientHandshakeOptions = {},
  options: NegotiateOptions = {},
): Promise<Established> {
  return (await negotiateIdle(channel, handshake, options)).take();
}

export interface NegotiateIdleOptions extends NegotiateOptions {
  /**
   * How long the handshake may go on after the signal has aborted, in milliseconds, to reach a point where a last message can be sent to
   * the server. Many servers log a connection that breaks in the middle as an error. @default 0
   */
  readonly leaveMs?: number | undefined;
}

/** The same as `negotiate`, for a connection that may have no owner for some time. */
export function negotiateIdle(
  channel: ByteChannel,
  handshake: ClientHandshakeOptions,
  options: NegotiateIdleOptions,
): Promise<IdleConnection> {
  const { signal, upgradeTls, timeoutMs = limits.handshakeMs, leaveMs = 0, clock = systemClock } = options;
  const name = options.name ?? nameOfPeer(channel.peer);
  return new Promise((resolve, reject) => {
    const stopListening = () => {
      cancelDeadline();
      signal?.removeEventListener('abort', onAbort);
    };
    const abandon = (reason: unknown) => {
      stopListening();
      driver.abandon();
      reject(reason);
    };
    const onAbort = () => {
      if (leaveMs === 0) {
        abandon(signal?.reason);
        return;
      }
      stopListening();
      cancelDeadline = clock.schedule(leaveMs, () => driver.abandon());
      reject(signal?.reason);
    };
    const onEvent = (event: DriverEvent) => {
      if (event.type === 'established') {
        stopListening();
        const idle = new IdleConnection(driver.channel, event.facts, event.excess);
        if (signal?.aborted) idle.discard();
        else resolve(idle);
      } else if (event.type === 'failed') {
        stopListening();
        reject(named(event.error, name));
      }
    };
    const driver = openDriver(channel, handshake, { upgradeTls, clock, onEvent }, name);
    let cancelDeadline = clock.schedule(timeoutMs, () => {
      abandon(named(driver.silence(timeoutMs), name));
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    if (!signal?.aborted || leaveMs > 0) driver.start();
  });
}

/** Makes a driver. When that fails, the channel is closed. */
export function openDriver(
  channel: ByteChannel,
  handshake: ClientHandshakeOptions,
  options: ConstructorParameters<typeof HandshakeDriver>[2],
  name: string,
): HandshakeDriver {
  try {
    return new HandshakeDriver(channel, withoutMissingTls(handshake, options.upgradeTls, name), options);
  } catch (error) {
    channel.destroy();
    throw error;
  }
}

/** Without a way to upgrade, TLS is left out where it is allowed only, and an error where it is required. */
function withoutMissingTls(
  handshake: ClientHandshakeOptions,
  upgradeTls: UpgradeTls | undefined,
  name: string,
): ClientHandshakeOptions {
  const { tls = 'off' } = handshake;
  if (upgradeTls !== undefined || tls === 'off') return handshake;
  if (tls === 'allow') return { ...handshake, tls: 'off' };
  throw new ConnectError('ERR_NBD_TLS', `${name}: TLS is required, but the option upgradeTls is missing`, {
    permanent: true,
  });
}
