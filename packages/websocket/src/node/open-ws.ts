/** Opening a WebSocket by the library `ws`. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ByteChannel, ConnectError, type PeerDescription } from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';
import { type ClientOptions, WebSocket } from 'ws';
import { wsOptions } from './channel-options.ts';
import { adoptWebSocket } from './node-channels.ts';
import { type Attempt, answerFailure, connectFailure } from './open-attempt.ts';
import type { OpenWebSettings } from './open-options.ts';
import { requestOptions } from './open-request.ts';

/** Begins to open a WebSocket. */
export function beginWebSocket(url: URL, peer: PeerDescription, settings: OpenWebSettings): Attempt {
  const options = { ...requestOptions(url, settings), ...wsOptions(settings), followRedirects: false } as ClientOptions;
  const socket = newWebSocket(url, settings, options);
  let reject: (reason: unknown) => void = () => {};
  const channel = new Promise<ByteChannel>((resolve, onError) => {
    reject = onError;
    let stream: Duplex | undefined;
    // An attempt that is given up is reported as an error, too; the first reason counts.
    socket.on('error', (error) => reject(failure(error, peer)));
    socket.once('upgrade', (response: IncomingMessage) => {
      stream = response.socket;
    });
    socket.once('unexpected-response', (request, response) => {
      void answerFailure(response, peer).then((error) => {
        reject(error);
        request.destroy();
      });
    });
    socket.once('open', () => {
      socket.removeAllListeners('error');
      if (stream !== undefined) resolve(adoptWebSocket(socket, stream, peer, settings));
    });
  });
  return {
    channel,
    abandon(reason) {
      reject(reason);
      socket.terminate();
    },
  };
}

function newWebSocket(url: URL, { protocols }: OpenWebSettings, options: ClientOptions): WebSocket {
  const { socketPath } = options as { readonly socketPath?: string };
  // `ws` has a scheme of its own for Unix sockets.
  const address = socketPath === undefined ? url : `ws+unix://${socketPath}:${url.pathname}${url.search}`;
  return new WebSocket(address, [...protocols], options);
}

/** `ws` reports an answer that is not that of a WebSocket by messages only. */
function failure(error: Error, peer: PeerDescription): ConnectError {
  const failed = toError(error);
  if (/Sec-WebSocket|subprotocol|Upgrade header/i.test(failed.message)) {
    return new ConnectError('ERR_NBD_NOT_NBD', `cannot connect to ${peer.name}: ${failed.message}`, {
      cause: failed,
      permanent: true,
    });
  }
  return connectFailure(failed, peer);
}
