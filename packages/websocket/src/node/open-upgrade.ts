/** HTTP Upgrade: a request after whose answer the connection is a channel (RFC 9110, section 7.8). */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type ByteChannel, ConnectError, type PeerDescription } from '@nbdjs/interfaces';
import { adoptUpgrade } from './node-channels.ts';
import { type Attempt, answerFailure, connectFailure } from './open-attempt.ts';
import type { OpenWebSettings } from './open-options.ts';
import { requestOptions } from './open-request.ts';

/** Begins a request for an upgrade. */
export function beginUpgrade(url: URL, peer: PeerDescription, settings: OpenWebSettings): Attempt {
  const { upgradeProtocol, method, body } = settings;
  const options = requestOptions(url, settings);
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    ...options,
    method,
    headers: {
      ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
      ...(options.headers as Record<string, string>),
      Connection: 'Upgrade',
      Upgrade: upgradeProtocol,
    },
  });
  let reject: (reason: unknown) => void = () => {};
  const channel = new Promise<ByteChannel>((resolve, onError) => {
    reject = onError;
    request.on('error', (error) => reject(connectFailure(error, peer)));
    request.once('response', (response) => void answerFailure(response, peer).then(reject));
    request.once('upgrade', (response, socket, head) => {
      const given = response.headers.upgrade ?? 'nothing';
      if (given.toLowerCase() === upgradeProtocol.toLowerCase()) {
        resolve(adoptUpgrade(socket, head, peer));
        return;
      }
      socket.destroy();
      const why = `the server upgrades to ${JSON.stringify(given)}, not to ${upgradeProtocol}`;
      reject(new ConnectError('ERR_NBD_NOT_NBD', `cannot connect to ${peer.name}: ${why}`, { permanent: true }));
    });
  });
  request.end(body);
  return {
    channel,
    abandon(reason) {
      reject(reason);
      request.destroy();
    },
  };
}
