/** What the requests of WebSockets and of HTTP Upgrade have in common. */
import { Agent as HttpAgent, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { UsageError } from '@nbdjs/interfaces';
import type { OpenWebSettings } from './open-options.ts';

/** Headers that belong to the upgrade itself. */
const reserved: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'content-length',
  'transfer-encoding',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
  'sec-websocket-protocol',
]);

/**
 * Returns the options of a request. Each connection is made for one channel, so no agent keeps it.
 *
 * @throws UsageError for a header that cannot be sent.
 */
export function requestOptions(url: URL, { headers, token, socketPath, tls }: OpenWebSettings): RequestOptions {
  for (const [name, value] of Object.entries(headers)) {
    if (reserved.has(name.toLowerCase()) || typeof value !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
      throw new UsageError('ERR_NBD_ARGUMENT', `openWeb: headers: '${name}' cannot be set`);
    }
    // A value may be a secret.
    if (/[\r\n\0]/.test(value)) {
      throw new UsageError('ERR_NBD_ARGUMENT', `openWeb: headers: the value of '${name}' has line breaks`);
    }
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'openWeb: the token is empty or has spaces or control characters');
  }
  const isSecure = url.protocol === 'wss:' || url.protocol === 'https:';
  return {
    headers: { ...headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
    // For hosts with addresses of both families, the one that answers.
    autoSelectFamily: true,
    ...(socketPath === undefined ? {} : { socketPath }),
    ...(isSecure ? tls : {}),
    agent: isSecure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
  } as RequestOptions;
}
