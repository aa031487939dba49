/** Checksums of bodies: on the way to the store, which compares, and on the way back, where we do. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { S3Answer } from './requests/request.ts';
import type { S3Settings } from './settings/options.ts';

/** What we keep with each object: its CRC-32, in eight hexadecimal digits. Every store gives it back with the object. */
const ownHeader = 'x-amz-meta-nbdjs-crc32';

/** How a body is secured on its way to the store. */
export interface SecuredBody {
  readonly payloadHash: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Computes the checksums of a body that is to be stored. */
export function secure(body: Uint8Array, checksum: S3Settings['checksum']): SecuredBody {
  const crc = crc32(body);
  const own = { [ownHeader]: hex(crc) };
  switch (checksum) {
    case 'sha256':
      return { payloadHash: createHash('sha256').update(body).digest('hex'), headers: own };
    case 'crc32': {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc);
      const headers = {
        ...own,
        'x-amz-sdk-checksum-algorithm': 'CRC32',
        'x-amz-checksum-crc32': bytes.toString('base64'),
      };
      return { payloadHash: 'UNSIGNED-PAYLOAD', headers };
    }
    case 'md5': {
      const md5 = createHash('md5').update(body).digest('base64');
      return { payloadHash: 'UNSIGNED-PAYLOAD', headers: { ...own, 'content-md5': md5 } };
    }
  }
}

/** Checks a whole object that was read. Returns what is wrong; `undefined` where all is well, or nothing is known. */
export function damageOf({ headers, body }: S3Answer): string | undefined {
  const expected = headers[ownHeader];
  if (expected === undefined) return undefined;
  const got = hex(crc32(body));
  return got === expected ? undefined : `the body was damaged on its way: its CRC-32 is ${got}, expected ${expected}`;
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
