/** One attempt to connect to one address. */
import type { NetConnectOpts } from 'node:net';
import type { PeerDescription } from '@nbdjs/interfaces';
import { SocketChannel } from '../channels/socket-channel.ts';

/**
 * A silent peer may be disconnected: the system asks after this long, in milliseconds, and then ten times in ten seconds.
 */
const keepAliveMs = 60_000;

/**
 * Connects a socket, and closes it again when the signal aborts.
 *
 * @throws the system's error, or the signal's reason.
 */
export function attemptConnect(
  how: NetConnectOpts,
  peer: PeerDescription,
  signal: AbortSignal,
): Promise<SocketChannel> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const channel = new SocketChannel({}, peer);
    const { stream: socket } = channel;
    const finish = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', fail).off('close', onClose).off('connect', onConnect);
    };
    const fail = (error: unknown): void => {
      finish();
      channel.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal.reason);
    const onClose = (): void => fail(new Error('the socket was closed'));
    const onConnect = (): void => {
      finish();
      resolve(channel);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', fail).on('close', onClose).on('connect', onConnect);
    // Small packets are sent at once (G3). Unix sockets ignore both settings.
    socket.setNoDelay(true).setKeepAlive(true, keepAliveMs);
    socket.connect(how);
  });
}
