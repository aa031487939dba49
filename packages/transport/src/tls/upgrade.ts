/** From a channel in the clear to one in TLS. */
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { TlsPeer } from '@nbdjs/interfaces';
import { type ByteChannel, limits, type NbdError, TimeoutError } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { SocketChannel } from '../channels/socket-channel.ts';
import { StreamChannel } from '../channels/stream-channel.ts';
import { announceTls } from '../diagnostics.ts';
import type { Chain } from './chain.ts';
import { ChannelDuplex } from './channel-duplex.ts';
import { clearText, handshakeFailure, type PeerRole } from './failure.ts';
import { TlsChannel } from './tls-channel.ts';

/** What bounds a TLS handshake. */
export interface UpgradeOptions {
  /** Ends the handshake and closes the channel; `upgrade` then rejects with the signal's reason. Later, it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /** For the TLS handshake, in milliseconds; 0 for no limit. @default 10000 */
  readonly timeoutMs?: number | undefined;
}

/** What differs between the two sides of a handshake. */
export interface TlsHandshake {
  /** Which side is at the other end. */
  readonly peer: PeerRole;
  readonly usesSharedKeys: boolean;
  /** What is wrong with the certificate that we show, or that we have none to show. */
  readonly ownFault: string | undefined;
  /**
   * Begins; calls `done` with the socket in the very turn in which the handshake is over, or `fail`. The peer's certificates, as far as
   * they have arrived, help to say why it has failed.
   */
  begin(
    stream: Duplex,
    done: (socket: TLSSocket) => void,
    fail: (error: Error | undefined, chain?: Chain) => void,
  ): void;
  /** Describes the peer, after the handshake. */
  describe(socket: TLSSocket): TlsPeer;
}

/**
 * Upgrades a channel, which belongs to the upgrade from then on: on failure it is closed.
 *
 * @throws ConnectError `ERR_NBD_TLS`, ProtocolError when something else than TLS comes, TimeoutError, or the signal's reason.
 */
export function upgrade(channel: ByteChannel, handshake: TlsHandshake, options: UpgradeOptions): Promise<TlsChannel> {
  const { signal, timeoutMs = limits.handshakeMs } = options;
  const { usesSharedKeys, ownFault } = handshake;
  const circumstances = { usesSharedKeys, ownFault };
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const settle = (): boolean => {
      if (isSettled) return false;
      isSettled = true;
      cancelTimer?.();
      signal?.removeEventListener('abort', onAbort);
      return true;
    };
    const giveUp = (reason: unknown): void => {
      if (!settle()) return;
      channel.destroy();
      reject(reason);
    };
    const fail = (error: Error | undefined, chain: Chain = []): void => giveUp(explained(error, chain));
    const explained = (error: Error | undefined, chain: Chain): NbdError =>
      handshakeFailure(error, handshake.peer, { ...circumstances, chain });
    const onAbort = (): void => giveUp(signal?.reason);
    const onTime = (): void => {
      giveUp(new TimeoutError('handshake', `the TLS handshake was not complete within ${timeoutMs} ms`));
    };
    const cancelTimer = timeoutMs === 0 ? undefined : systemClock.schedule(timeoutMs, onTime, true);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) {
      onAbort();
      return;
    }
    // In this turn, TLS may still report an error with more information than that the channel is closed.
    void channel.closed.then(() => setImmediate(() => fail(undefined)));
    const done = (socket: TLSSocket): void => {
      if (!settle()) return;
      socket.allowHalfOpen = true;
      const secured = new TlsChannel(socket, channel, handshake.describe(socket), { role: handshake.peer, ownFault });
      announceTls(secured.peer, secured.tls);
      resolve(secured);
    };
    // We may be called from within a delivery: what is left of it reaches the channel by the next turn.
    channel.pause(true);
    setImmediate(() => {
      if (isSettled) return;
      // A server's first TLS message answers ours, so its bytes are clear text. A client's may be here already, and TLS checks it.
      if (handshake.peer === 'server' && channel instanceof StreamChannel && channel.hasBacklog) {
        giveUp(clearText('server'));
      } else {
        const stream = streamOf(channel);
        // A peer that ends its direction in the middle of a handshake has hung up.
        stream.allowHalfOpen = false;
        handshake.begin(stream, done, fail);
      }
    });
  });
}

/** The socket itself where it can be had, so that TLS reads and writes without us. */
function streamOf(channel: ByteChannel): Duplex {
  return channel instanceof SocketChannel && channel.isEmpty ? channel.surrender() : new ChannelDuplex(channel);
}
