/** Checks signatures of AWS, version 4, without the library that makes them. */
import { createHash, createHmac } from 'node:crypto';

export interface SignedRequest {
  readonly method: string;
  /** With its query, as it came. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** What is wrong with a signature: the code of S3, and the region that the request was signed for. */
export interface SignatureVerdict {
  readonly problem?: 'AccessDenied' | 'InvalidAccessKeyId' | 'SignatureDoesNotMatch' | 'ExpiredToken' | undefined;
  readonly region?: string | undefined;
  /** When it was signed, in milliseconds since 1970. */
  readonly signedMs?: number | undefined;
}

const form =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

export function checkSignature({ method, url, headers }: SignedRequest, keys: readonly SigningKey[]): SignatureVerdict {
  const match = form.exec(String(headers.authorization ?? ''));
  if (match === null) return { problem: 'AccessDenied' };
  const [, id, day, region, names, signature] = match as unknown as readonly string[] as readonly [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const key = keys.find(({ accessKeyId }) => accessKeyId === id);
  if (key === undefined) return { problem: 'InvalidAccessKeyId', region };
  const date = String(headers['x-amz-date'] ?? '');
  const signedMs = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(signedMs) || !date.startsWith(day)) return { problem: 'AccessDenied', region };
  if (headers['x-amz-security-token'] !== key.sessionToken) return { problem: 'ExpiredToken', region, signedMs };

  const [path, search = ''] = url.split('?', 2) as [string, string?];
  const query = search
    .split('&')
    .filter((one) => one !== '')
    .map((one) => (one.includes('=') ? one : `${one}=`))
    .sort()
    .join('&');
  const list = names.split(';');
  const canonical = [
    method,
    path,
    query,
    ...list.map(
      (name) =>
        `${name}:${String(headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}`,
    ),
    '',
    names,
    String(headers['x-amz-content-sha256'] ?? ''),
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const secret = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (under, part) => createHmac('sha256', under).update(part).digest(),
    `AWS4${key.secretAccessKey}`,
  );
  const expected = createHmac('sha256', secret).update(text).digest('hex');
  // A header that could change what is done has to be signed.
  const mustBeSigned = Object.keys(headers).filter(
    (name) => name === 'host' || name.startsWith('x-amz-') || name.startsWith('if-'),
  );
  const isWhole = mustBeSigned.every((name) => list.includes(name));
  return expected === signature && isWhole
    ? { region, signedMs }
    : { problem: 'SignatureDoesNotMatch', region, signedMs };
}
