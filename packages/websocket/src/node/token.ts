/** Tokens of clients: where a request can have one, and whether it is right. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { UsageError } from '@nbdjs/interfaces';

/** A token has to fit a header and the name of a subprotocol (RFC 9110, section 5.6.2). */
const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The parameter of the query (RFC 6750, section 2.3). */
const queryName = 'access_token';

/** Compares tokens in a time that does not depend on where they differ. They are kept as digests only. */
export class TokenCheck {
  readonly #digests: readonly Buffer[];

  /** @throws UsageError `ERR_NBD_ARGUMENT` when one is empty or has characters that a header or a subprotocol cannot have. */
  constructor(tokens: readonly string[], caller: string) {
    for (const token of tokens) {
      // The token itself is a secret, and must not be in the message.
      if (!tokenPattern.test(token)) {
        throw new UsageError(
          'ERR_NBD_ARGUMENT',
          `${caller}: a token is empty or has characters other than letters, digits and -._~!#$%&'*+^\`|`,
        );
      }
    }
    this.#digests = tokens.map(digest);
  }

  /** Whether clients need a token. */
  get isNeeded(): boolean {
    return this.#digests.length > 0;
  }

  /** Whether it is one of the tokens. */
  has(token: string): boolean {
    const given = digest(token);
    // Each is compared, so that the time does not tell which one it was.
    return this.#digests.filter((one) => timingSafeEqual(one, given)).length > 0;
  }
}

/**
 * Returns all that may be a token in a request: `Authorization: Bearer`, the parameter `access_token` of the query, and the subprotocols,
 * which is all that a page can choose.
 */
export function tokensOf(request: IncomingMessage, asked: URLSearchParams): string[] {
  const [, bearer] = /^bearer +(.+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const query = asked.getAll(queryName);
  return [...(bearer === undefined ? [] : [bearer.trim()]), ...query, ...protocolsOf(request)];
}

/** Returns the subprotocols that a client offers. */
export function protocolsOf(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return header
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
