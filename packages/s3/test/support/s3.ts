/** A store before the small server of the testkit. */
import type { ObjectStore } from '@nbdjs/objects';
import { type S3Server, type S3ServerOptions, startS3Server } from '@nbdjs/testkit';
import { createS3Store, type S3StoreOptions } from '../../src/index.ts';

export const credentials = { accessKeyId: 'test', secretAccessKey: 'secret' };

export interface Served extends AsyncDisposable {
  readonly server: S3Server;
  readonly store: ObjectStore;
}

/** Starts a server, and makes a store for it. */
export async function serve(of: S3ServerOptions = {}, options: Partial<S3StoreOptions> = {}): Promise<Served> {
  const server = await startS3Server(of);
  const store = storeAt(server, options);
  return {
    server,
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      await server.close();
    },
  };
}

export function storeAt({ endpoint }: S3Server, options: Partial<S3StoreOptions> = {}): ObjectStore {
  return createS3Store({ bucket: 'test-bucket', endpoint, region: 'us-east-1', credentials, ...options });
}
