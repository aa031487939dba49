/** What a request does, and its answer. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Bucket, BucketObject } from './bucket.ts';
import { errorReply, type S3Reply } from './reply.ts';
import type { S3ServerOptions } from './s3-server-options.ts';
import { checkSignature } from './signature.ts';
import type { Asked } from './troubled-server.ts';

const skewMsMax = 15 * 60_000;
const empty = new Uint8Array(0);

export function answer(asked: Asked, bucket: Bucket, settings: S3ServerOptions): S3Reply {
  const dated = (reply: S3Reply): S3Reply => ({
    ...reply,
    headers: { date: new Date(Date.now() + (settings.aheadMs ?? 0)).toUTCString(), ...reply.headers },
  });
  return dated(refusal(asked, settings) ?? carryOut(asked, bucket, settings));
}

function refusal({ method, url, name, headers }: Asked, settings: S3ServerOptions): S3Reply | undefined {
  const {
    keys = [{ accessKeyId: 'test', secretAccessKey: 'secret' }],
    isPublic = false,
    region,
    aheadMs = 0,
  } = settings;
  if (name !== (settings.bucket ?? 'test-bucket')) return errorReply(404, 'NoSuchBucket');
  if (isPublic && headers.authorization === undefined) return undefined;
  const verdict = checkSignature({ method, url, headers }, keys);
  if (region !== undefined && verdict.region !== undefined && verdict.region !== region) {
    return errorReply(
      400,
      'AuthorizationHeaderMalformed',
      { 'x-amz-bucket-region': region },
      `<Region>${region}</Region>`,
    );
  }
  if (verdict.signedMs !== undefined && Math.abs(verdict.signedMs - Date.now() - aheadMs) > skewMsMax) {
    return errorReply(403, 'RequestTimeTooSkewed');
  }
  return verdict.problem === undefined
    ? undefined
    : errorReply(verdict.problem === 'ExpiredToken' ? 400 : 403, verdict.problem);
}

function carryOut(asked: Asked, bucket: Bucket, settings: S3ServerOptions): S3Reply {
  const { method, key } = asked;
  const present = bucket.objects.get(key);
  if (key === '') return method === 'GET' ? list(asked, bucket) : errorReply(405, 'MethodNotAllowed');
  switch (method) {
    case 'PUT':
      return put(asked, bucket, settings);
    case 'DELETE':
      bucket.objects.delete(key);
      return { status: 204, headers: {}, body: empty };
    case 'GET':
    case 'HEAD':
      return present === undefined ? errorReply(404, 'NoSuchKey') : get(present, asked, settings);
    default:
      return errorReply(405, 'MethodNotAllowed');
  }
}

function put({ key, headers, body }: Asked, bucket: Bucket, settings: S3ServerOptions): S3Reply {
  const present = bucket.objects.get(key);
  const digest = headers['x-amz-content-sha256'];
  if (digest !== undefined && digest !== 'UNSIGNED-PAYLOAD' && digest !== hash('sha256', body, 'hex')) {
    return errorReply(400, 'XAmzContentSHA256Mismatch');
  }
  if (headers['content-md5'] !== undefined && headers['content-md5'] !== hash('md5', body, 'base64')) {
    return errorReply(400, 'BadDigest');
  }
  const crc = headers['x-amz-checksum-crc32'];
  if (crc !== undefined && Buffer.from(String(crc), 'base64').readUInt32BE() !== crc32(body))
    return errorReply(400, 'BadDigest');
  if (settings.ignoresConditions !== true) {
    if (headers['if-none-match'] === '*' && present !== undefined) return errorReply(412, 'PreconditionFailed');
    const wanted = wantedEtag(headers['if-match'], settings);
    if (wanted !== undefined && present === undefined) return errorReply(404, 'NoSuchKey');
    if (wanted !== undefined && present?.etag !== wanted) return errorReply(412, 'PreconditionFailed');
  }
  const metadata = Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-')),
  ) as Record<string, string>;
  const { etag } = bucket.put(key, body, metadata);
  return { status: 200, headers: { etag }, body: empty };
}

/** What the ETag has to be; `undefined` where all will do. */
function wantedEtag(ifMatch: string | undefined, settings: S3ServerOptions): string | undefined {
  if (ifMatch === undefined) return undefined;
  const isQuoted = ifMatch.startsWith('"');
  if (settings.comparesPlainEtags === true) return isQuoted ? 'none is like this' : `"${ifMatch}"`;
  if (settings.ignoresPlainEtags === true && !isQuoted) return undefined;
  return ifMatch;
}

function get(
  { body, etag, metadata }: BucketObject,
  { headers }: Asked,
  { ignoresRanges = false }: S3ServerOptions,
): S3Reply {
  const facts = { etag, ...metadata };
  const match = ignoresRanges ? null : /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  if (match === null) return { status: 200, headers: facts, body };
  const [start, last] = [Number(match[1]), Math.min(Number(match[2]), body.length - 1)];
  if (start >= body.length) return errorReply(416, 'InvalidRange', { 'content-range': `bytes */${body.length}` });
  const part = body.subarray(start, last + 1);
  return { status: 206, headers: { ...facts, 'content-range': `bytes ${start}-${last}/${body.length}` }, body: part };
}

function list({ url }: Asked, bucket: Bucket): S3Reply {
  const query = new URL(url, 'http://any').searchParams;
  const count = Number(query.get('max-keys') ?? 1000);
  const keys = bucket.keys(
    query.get('prefix') ?? '',
    Buffer.from(query.get('continuation-token') ?? '', 'base64url').toString(),
  );
  const page = keys.slice(0, count);
  const entries = page.map((key) => {
    const { body, etag, modified } = bucket.objects.get(key) as BucketObject;
    const time = modified.toISOString();
    return `<Contents><Key>${encodeURIComponent(key)}</Key><LastModified>${time}</LastModified><ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${body.length}</Size></Contents>`;
  });
  const isCut = keys.length > page.length;
  const next = isCut
    ? `<NextContinuationToken>${Buffer.from(page.at(-1) as string).toString('base64url')}</NextContinuationToken>`
    : '';
  const text = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType><IsTruncated>${isCut}</IsTruncated>${next}${entries.join('')}</ListBucketResult>`;
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: Buffer.from(text) };
}

function hash(algorithm: string, body: Uint8Array, encoding: 'hex' | 'base64'): string {
  return createHash(algorithm).update(body).digest(encoding);
}
