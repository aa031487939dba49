/** Whether a request may become a channel. */
import type { IncomingMessage } from 'node:http';
import { UsageError } from '@nbdjs/interfaces';
import { type SettingsOf, wait } from '@nbdjs/kit';
import type { attachWebOptions, WebKind, WebRequest } from './attach-options.ts';
import { handshakeFault } from './handshake.ts';
import { isOriginAllowed, normalOrigins } from './origin.ts';
import type { Refusal } from './refusal.ts';
import { TokenCheck, tokensOf } from './token.ts';

export class Admission {
  readonly #settings: SettingsOf<typeof attachWebOptions>;
  readonly #origins: readonly string[];
  readonly #tokens: TokenCheck;
  #pending = 0;

  /** @throws UsageError when an option is wrong. */
  constructor(settings: SettingsOf<typeof attachWebOptions>) {
    this.#settings = settings;
    this.#origins = normalOrigins(settings.origins, 'attachWeb');
    this.#tokens = new TokenCheck(settings.tokens, 'attachWeb');
    if (!settings.path.startsWith('/')) {
      throw new UsageError(
        'ERR_NBD_ARGUMENT',
        `attachWeb: path is '${settings.path}', expected one that begins with /`,
      );
    }
    const [wrong] = settings.kinds.filter((kind) => kind !== 'websocket' && kind !== 'upgrade');
    if (wrong !== undefined || settings.kinds.length === 0) {
      throw new UsageError(
        'ERR_NBD_ARGUMENT',
        `attachWeb: kinds is '${settings.kinds}', expected websocket, upgrade, or both`,
      );
    }
  }

  /** Whether it is a token. */
  isToken(text: string): boolean {
    return this.#tokens.has(text);
  }

  /** @param connections Channels that are open. */
  async decide(request: IncomingMessage, connections: number): Promise<WebRequest | Refusal> {
    const asked = this.#understand(request);
    if ('status' in asked) return asked;
    const refusal = this.#check(request, asked, connections);
    return refusal ?? (await this.#authorize(asked)) ?? asked;
  }

  #understand(request: IncomingMessage): WebRequest | Refusal {
    const { kinds, upgradeProtocol } = this.#settings;
    const url = urlOf(request);
    if (url === undefined) return { status: 400, reason: 'the path is malformed' };
    const kind = kindOf(request, upgradeProtocol);
    if (kind === undefined || !kinds.includes(kind)) {
      const wanted = kinds.map((one) => (one === 'upgrade' ? upgradeProtocol : one)).join(', ');
      return { status: 426, reason: `expected Upgrade: ${wanted}`, headers: { Upgrade: wanted } };
    }
    const fault = kind === 'websocket' ? handshakeFault(request) : undefined;
    if (fault !== undefined) return fault;
    if (hasBody(request)) {
      return { status: 413, reason: 'a request for an upgrade must not have a body here' };
    }
    const { headers, socket } = request;
    return { kind, path: url.pathname, query: url.searchParams, headers, address: socket.remoteAddress ?? '' };
  }

  #check(request: IncomingMessage, { query }: WebRequest, connections: number): Refusal | undefined {
    const { connectionsMax, pendingMax } = this.#settings;
    const { origin, host } = request.headers;
    if (!isOriginAllowed(origin, host, this.#origins)) {
      return { status: 403, reason: 'pages of this origin may not connect' };
    }
    if (this.#tokens.isNeeded && !tokensOf(request, query).some((token) => this.#tokens.has(token))) {
      return { status: 401, reason: 'a token is needed', headers: { 'WWW-Authenticate': 'Bearer' } };
    }
    if (connections + this.#pending >= connectionsMax) return { status: 503, reason: 'there are too many connections' };
    if (this.#pending >= pendingMax) return { status: 503, reason: 'too many clients wait for a decision' };
    return undefined;
  }

  async #authorize(asked: WebRequest): Promise<Refusal | undefined> {
    const { authorize, authorizeMs, clock } = this.#settings;
    if (authorize === undefined) return undefined;
    this.#pending++;
    const timer = new AbortController();
    try {
      const late = wait(clock, authorizeMs, { signal: timer.signal }).then(
        () => 'late' as const,
        () => 'late' as const,
      );
      const answer = await Promise.race([authorize(asked), late]);
      if (answer === 'late') return { status: 503, reason: 'the decision took too long' };
      return answer === true ? undefined : { status: 403, reason: 'this client may not connect' };
    } catch {
      // What has gone wrong is not for the client.
      return { status: 500, reason: 'the decision failed' };
    } finally {
      timer.abort();
      this.#pending--;
    }
  }
}

/** Returns how a request wants to become a channel; `undefined`: not at all. */
export function kindOf(request: IncomingMessage, upgradeProtocol?: string): WebKind | undefined {
  const wanted = request.headers.upgrade?.toLowerCase();
  if (wanted === 'websocket') return 'websocket';
  return upgradeProtocol === undefined || wanted === upgradeProtocol.toLowerCase() ? 'upgrade' : undefined;
}

/** Returns the path and the query of a request; `undefined` when they are malformed. */
export function urlOf({ url = '' }: IncomingMessage): URL | undefined {
  // A second slash at the start would be taken for a host.
  if (!url.startsWith('/')) return undefined;
  try {
    return new URL(`http://localhost${url}`);
  } catch {
    return undefined;
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
