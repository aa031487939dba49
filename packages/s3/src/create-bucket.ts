import { type Abortable, UsageError } from '@nbdjs/kit';
import { StoreError } from '@nbdjs/objects';
import { secure } from './checksums.ts';
import { ExchangeError } from './requests/exchange.ts';
import { Requests, S3Refusal } from './requests/requests.ts';
import { type S3StoreOptions, s3StoreOptions } from './settings/options.ts';

/**
 * Makes the bucket of a store. One that is there already is left as it is.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing, or `ERR_NBD_EXISTS` when the bucket belongs to others;
 * StoreError for what the store answers.
 */
export async function createS3Bucket(options: S3StoreOptions, how: Abortable = {}): Promise<void> {
  const settings = s3StoreOptions.resolve('createS3Bucket', options);
  const requests = new Requests(settings);
  try {
    const { address, region } = await requests.target.get();
    // Amazon makes a bucket in another region than its first one only when it is told so.
    const isTold = address.isAmazon && region !== 'us-east-1';
    const text = `<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`;
    const body = new TextEncoder().encode(isTold ? text : '');
    const { payloadHash } = secure(body, 'sha256');
    await requests.send({ method: 'PUT', body, payloadHash, answerBytesMax: 65_536 }, how.signal);
  } catch (reason) {
    const what = `the bucket '${settings.bucket}' cannot be made`;
    if (reason instanceof ExchangeError) throw new StoreError('ERR_NBD_STORE_TRANSIENT', `${what}: ${reason.message}`);
    if (!(reason instanceof S3Refusal)) throw reason;
    const { s3Code = '', kind } = reason.failure;
    if (s3Code === 'BucketAlreadyOwnedByYou') return;
    if (s3Code === 'BucketAlreadyExists') {
      throw new UsageError('ERR_NBD_EXISTS', `${what}: it belongs to others`, { cause: reason });
    }
    throw new StoreError(kind.code, `${what}: ${reason.message}`, { cause: reason });
  } finally {
    requests.close(new UsageError('ERR_NBD_CLOSED', 'the bucket was made'));
  }
}
