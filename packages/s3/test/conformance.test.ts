/** The store keeps the rules of the seam. */
import type { ObjectStore } from '@nbdjs/objects';
import { objectStoreConformance } from '@nbdjs/objects/conformance';
import { type S3Server, startS3Server } from '@nbdjs/testkit';
import { describe, it } from 'vitest';
import type { S3StoreOptions } from '../src/index.ts';
import { storeAt } from './support/s3.ts';

const variants: readonly [string, Partial<S3StoreOptions>][] = [
  ['signed bodies', {}],
  ['CRC-32, under a prefix', { checksum: 'crc32', prefix: 'some/where/' }],
  ['MD5', { checksum: 'md5', connections: 2 }],
];

for (const [name, options] of variants) {
  const servers = new WeakMap<ObjectStore, S3Server>();
  objectStoreConformance({ describe, it }, name, {
    async make() {
      const server = await startS3Server();
      const store = storeAt(server, options);
      servers.set(store, server);
      const close = store.close.bind(store);
      store.close = async () => {
        await close();
        await server.close();
      };
      return store;
    },
    reopen: async (store) => storeAt(servers.get(store) as S3Server, options),
  });
}
