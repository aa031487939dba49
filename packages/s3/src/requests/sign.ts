/** Signatures of AWS, version 4, by the library of AWS. */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { S3Credentials } from '../settings/credentials.ts';
import { escapePath } from '../settings/endpoint.ts';
import type { Target } from '../settings/target.ts';
import type { S3Request } from './request.ts';

/** A request as it is sent. */
export interface WireRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** SHA-256, plain or with a key, as the library asks for it. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {}
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof data === 'string') return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Headers that a proxy may change, and that no store asks to be signed. */
const unsignedHeaders = new Set(['content-length']);

/**
 * Puts a request into the form of the wire, signed unless there are no credentials.
 *
 * @param nowMs the time of day, by the clock of the store
 */
export async function sign(
  request: S3Request,
  { address, region }: Target,
  credentials: S3Credentials | undefined,
  nowMs: number,
): Promise<WireRequest> {
  const { method, key, query = {}, payloadHash, body } = request;
  const path = key === undefined ? address.path : `${address.path}${escapePath(key)}`;
  const headers: Record<string, string> = { ...request.headers, host: address.host };
  if (method === 'PUT') headers['content-length'] = String(body?.length ?? 0);
  const search = new URLSearchParams(query)
    .toString()
    .replaceAll('+', '%20')
    .replaceAll('*', '%2A')
    .replaceAll('%7E', '~');
  const wirePath = search === '' ? path : `${path}?${search}`;
  if (credentials === undefined) return { path: wirePath, headers };

  headers['x-amz-content-sha256'] = payloadHash;
  const { protocol, hostname } = address;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const signed = await signer.sign(
    { method, protocol, hostname, path, query: { ...query }, headers },
    { signingDate: new Date(nowMs), unsignableHeaders: unsignedHeaders },
  );
  return { path: wirePath, headers: signed.headers };
}
