/** Where a bucket is: host, port, and what stands in front of a key's path. */
import { describeValue, UsageError } from '@nbdjs/kit';

/** The address of a bucket. */
export interface BucketAddress {
  readonly protocol: 'http:' | 'https:';
  readonly hostname: string;
  /** `undefined`: that of the protocol. */
  readonly port: number | undefined;
  /** As the header `host` has it. */
  readonly host: string;
  /** In front of the key, escaped; it ends with `/`. */
  readonly path: string;
  /** It is one of Amazon's, whose address follows from the region. */
  readonly isAmazon: boolean;
}

/** What Amazon, and most others, take: lower case, digits, dots and dashes. Some of the others take underscores and capitals. */
const bucketPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/;
const regionPattern = /^[A-Za-z0-9-]{1,63}$/;

/** @throws UsageError `ERR_NBD_ARGUMENT` for a bucket that no store can have. */
export function requireBucket(caller: string, bucket: string): void {
  if (bucketPattern.test(bucket)) return;
  const expected = "3 to 63 letters, digits, '.', '-' or '_'";
  throw new UsageError('ERR_NBD_ARGUMENT', `${caller}: bucket is ${describeValue(bucket)}, expected ${expected}`);
}

/** Returns whether a text can be a region. What a store answers goes through it before it becomes part of a host. */
export function isRegion(text: string | undefined): text is string {
  return text !== undefined && regionPattern.test(text);
}

/** @throws UsageError `ERR_NBD_ARGUMENT` for a text that is no address of HTTP. */
export function parseEndpoint(caller: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (url !== undefined && isPlain && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  // It may hold a password, so the text is not repeated.
  const expected = 'an address such as https://s3.example.com:9000, without credentials and query';
  throw new UsageError('ERR_NBD_ARGUMENT', `${caller}: endpoint is not one, expected ${expected}`);
}

/** What decides where a bucket is. */
export interface BucketPlace {
  readonly bucket: string;
  readonly region: string;
  /** `undefined`: Amazon's. */
  readonly endpoint: URL | undefined;
  /** `undefined`: as is usual there. */
  readonly pathStyle: boolean | undefined;
}

/** Puts an address together. */
export function addressOf({ bucket, region, endpoint, pathStyle }: BucketPlace): BucketAddress {
  const isAmazon = endpoint === undefined;
  const url = endpoint ?? new URL(`https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`);
  // A certificate for *.s3... does not cover names with dots.
  const isInPath = pathStyle ?? (!isAmazonHost(url.hostname) || !/^[a-z0-9-]+$/.test(bucket));
  const folder = url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`;
  const prefix = isInPath ? '' : `${bucket}.`;
  return {
    protocol: url.protocol as 'http:' | 'https:',
    hostname: `${prefix}${url.hostname.replace(/^\[(.*)\]$/, '$1')}`,
    port: url.port === '' ? undefined : Number(url.port),
    host: `${prefix}${url.host}`,
    path: isInPath ? `${folder}${escapePart(bucket)}/` : folder,
    isAmazon,
  };
}

function isAmazonHost(hostname: string): boolean {
  return /\.amazonaws\.com(\.cn)?$/.test(hostname);
}

/** Escapes a part of a path as signatures need it. */
function escapePart(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Escapes a path, but for its slashes. */
export function escapePath(path: string): string {
  return path.split('/').map(escapePart).join('/');
}
