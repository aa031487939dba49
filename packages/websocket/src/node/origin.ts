/** Whether the page behind a request may connect. Browsers let every page open WebSockets to every server, so the server has to decide. */
import { isIP } from 'node:net';
import { UsageError } from '@nbdjs/interfaces';

/** Accepts every page. */
const any = '*';

/**
 * Returns whether pages of an origin (RFC 6454) may connect. Programs send no origin.
 *
 * Without `origins`, only pages of the server itself may, and only by an address or as localhost: with a name of its own, the page of a
 * stranger could have that name lead to us (DNS rebinding), and would look like one of ours.
 *
 * @param host The header `Host`.
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  origins: readonly string[],
): boolean {
  if (origin === undefined || origins.includes(any)) return true;
  const page = parse(origin);
  if (page === undefined) return false;
  if (origins.includes(page.origin)) return true;
  // The scheme's own port may be written or left out.
  const own = parse(`${page.protocol}//${host ?? ''}`);
  return page.host === own?.host && isOwnAddress(page.hostname);
}

/**
 * Returns the origins as browsers write them, such as `https://example.org`.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for what is none.
 */
export function normalOrigins(origins: readonly string[], caller: string): string[] {
  return origins.map((one) => {
    if (one === any) return one;
    const page = parse(one);
    if (page === undefined || page.pathname !== '/' || page.search !== '') {
      throw new UsageError(
        'ERR_NBD_ARGUMENT',
        `${caller}: origins has ${JSON.stringify(one)}, expected an origin such as https://example.org, or *`,
      );
    }
    return page.origin;
  });
}

function parse(origin: string): URL | undefined {
  // A page without an origin of its own, such as a file, sends `null`.
  if (!/^https?:/i.test(origin)) return undefined;
  try {
    return new URL(origin);
  } catch {
    return undefined;
  }
}

function isOwnAddress(hostname: string): boolean {
  return isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 || hostname === 'localhost' || hostname.endsWith('.localhost');
}
