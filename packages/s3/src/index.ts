/**
 * An `ObjectStore` in S3 and its relatives.
 *
 * @packageDocumentation
 */
export type { Abortable } from '@nbdjs/kit';
export type { ObjectStore } from '@nbdjs/objects';
export { createS3Bucket } from './create-bucket.ts';
export { createS3Store } from './s3-store.ts';
export type { S3Credentials, S3CredentialsProvider } from './settings/credentials.ts';
export type { S3CredentialsOption, S3StoreOptions } from './settings/options.ts';
