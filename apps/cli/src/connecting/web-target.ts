/** Servers behind a URL of WebSocket or HTTP. A file of its own, because few commands need what it loads. */
import type { OpenerTarget } from '@nbdjs/client';
import { readTextFile } from '@nbdjs/transport';
import { type OpenWebOptions, webOpener } from '@nbdjs/websocket/node';
import { argumentError } from '../errors/argument-error.ts';
import { systemReason } from '../errors/one-line.ts';
import type { WebClientOptions } from '../options/web.ts';
import { clientNodeTls, type TlsSettings } from './web-tls.ts';

/**
 * Returns where a client connects to. What follows a `#` in the URL is the name of the export: the path belongs to HTTP.
 *
 * @throws UsageError when the URL or an option is wrong, or a file cannot be read.
 */
export function webTarget(word: string, options: WebClientOptions, tls: TlsSettings | undefined): OpenerTarget {
  const { url, exportName } = splitUrl(word);
  const isSecure = /^(ws|http)s:/i.test(url);
  if (!isSecure && tls !== undefined && tls.mode !== 'off') {
    throw argumentError(`${word}: TLS needs the scheme ${/^ws/i.test(word) ? 'wss' : 'https'}`);
  }
  const opener = webOpener(url, { ...webOptions(options), ...(isSecure ? { tls: clientNodeTls(tls) } : {}) });
  return { ...opener, exportName };
}

/** Returns the options of `openWeb` that the command line gives. */
export function webOptions({ tokenFile, header = [], httpMethod }: WebClientOptions): OpenWebOptions {
  return {
    ...(tokenFile === undefined ? {} : { token: readTokens(tokenFile)[0] }),
    ...(httpMethod === undefined ? {} : { method: httpMethod }),
    headers: Object.fromEntries(header.map(parseHeader)),
  };
}

/** Returns the lines of a file of tokens that are not empty, at least one. */
export function readTokens(file: string): readonly [string, ...string[]] {
  let text: string;
  try {
    text = readTextFile(file, { bytesMax: 2 ** 20 });
  } catch (cause) {
    throw argumentError(`cannot read a token from ${file}: ${systemReason(cause)}`, { cause });
  }
  const [first, ...rest] = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (first === undefined) throw argumentError(`${file} has no token: expected one in a line`);
  return [first, ...rest];
}

/** Takes the name of the export off a URL. */
export function splitUrl(word: string): { readonly url: string; readonly exportName: string } {
  const [url = '', ...rest] = word.split('#');
  try {
    return { url, exportName: decodeURIComponent(rest.join('#')) };
  } catch {
    throw argumentError(`${word}: the name of the export behind # is not encoded as in URLs`);
  }
}

function parseHeader(text: string): [string, string] {
  const colon = text.indexOf(':');
  // The value may be a secret, so it is not repeated.
  if (colon < 1) throw argumentError('--header: expected NAME:VALUE');
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}
