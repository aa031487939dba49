/** Objects in memory, with the conditions of S3. */
import { createHash } from 'node:crypto';

export interface BucketObject {
  readonly body: Uint8Array;
  readonly etag: string;
  readonly modified: Date;
  /** `x-amz-meta-*` headers. */
  readonly metadata: Readonly<Record<string, string>>;
}

export class Bucket {
  readonly objects = new Map<string, BucketObject>();

  put(key: string, body: Uint8Array, metadata: Readonly<Record<string, string>>): BucketObject {
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    const object = { body, etag, modified: new Date(), metadata };
    this.objects.set(key, object);
    return object;
  }

  /** The keys behind `after`, in the order of their bytes. */
  keys(prefix: string, after: string): readonly string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  }
}
