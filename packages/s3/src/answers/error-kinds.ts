/** What each error of S3 means: what the caller can do about it, and what we can put right ourselves. */
import type { StoreErrorCode } from '@nbdjs/objects';

/** What can be put right, once, before the request is repeated. All of these refuse a request before anything is done. */
export type Correction = 'clock' | 'credentials' | 'region';

/** What an error means. */
export interface ErrorKind {
  readonly code: StoreErrorCode;
  readonly correction?: Correction | undefined;
}

const notFound: ErrorKind = { code: 'ERR_NBD_STORE_NOT_FOUND' };
const unmet: ErrorKind = { code: 'ERR_NBD_STORE_PRECONDITION' };
const throttled: ErrorKind = { code: 'ERR_NBD_STORE_THROTTLED' };
const transient: ErrorKind = { code: 'ERR_NBD_STORE_TRANSIENT' };
const permanent: ErrorKind = { code: 'ERR_NBD_STORE_PERMANENT' };
const correctable = (correction: Correction): ErrorKind => ({ ...permanent, correction });

/** By the code in the body. Those that are not here follow from their status. */
const byCode: ReadonlyMap<string, ErrorKind> = new Map([
  ...['NoSuchKey', 'NoSuchBucket', 'NoSuchVersion'].map((code) => [code, notFound] as const),
  ['PreconditionFailed', unmet],
  // Of two conditional puts at the same time, one is told to come again. radosgw calls that ConcurrentModification.
  ...['ConditionalRequestConflict', 'OperationAborted', 'ConcurrentModification'].map(
    (code) => [code, throttled] as const,
  ),
  ...[
    'SlowDown',
    'TooManyRequests',
    'Throttling',
    'ThrottlingException',
    'RequestLimitExceeded',
    'BandwidthLimitExceeded',
  ].map((code) => [code, throttled] as const),
  // The body was damaged or cut short on its way.
  ...['BadDigest', 'XAmzContentSHA256Mismatch', 'XAmzContentChecksumMismatch', 'IncompleteBody', 'RequestTimeout'].map(
    (code) => [code, transient] as const,
  ),
  ['RequestTimeTooSkewed', correctable('clock')],
  ...['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired', 'InvalidToken', 'InvalidAccessKeyId'].map(
    (code) => [code, correctable('credentials')] as const,
  ),
  ...['AuthorizationHeaderMalformed', 'PermanentRedirect', 'TemporaryRedirect', 'Redirect'].map(
    (code) => [code, correctable('region')] as const,
  ),
]);

const byStatus: ReadonlyMap<number, ErrorKind> = new Map([
  [301, correctable('region')],
  [307, correctable('region')],
  [404, notFound],
  [408, transient],
  [412, unmet],
  [429, throttled],
  [501, permanent],
]);

/** Returns what an error means. `s3Code`: the code in its body, where it has one. */
export function errorKind(status: number, s3Code: string | undefined): ErrorKind {
  const known = s3Code === undefined ? undefined : byCode.get(s3Code);
  return known ?? byStatus.get(status) ?? (status >= 500 ? transient : permanent);
}
