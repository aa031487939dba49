/**
 * What a disk costs in a store: requests and bytes for each GiB that is read or written, and its speed beside that of the store itself, by
 * a Ceph on this machine.
 *
 *     node --conditions @nbdjs/source --import tsx bench/costs.ts [MiB]
 */
import { systemClock } from '@nbdjs/node';
import { createDisk, type ObjectDisk, type ObjectStore, openDisk } from '@nbdjs/objects';
import { startCeph } from '@nbdjs/peers';
import { createS3Bucket, createS3Store } from '../src/index.ts';

const mebi = 2 ** 20;
const size = Number(process.argv[2] ?? 256) * mebi;
const use = { clock: systemClock };

interface Counts {
  gets: number;
  puts: number;
  others: number;
  received: number;
  sent: number;
}

/** Counts what goes through a store. */
function counting(store: ObjectStore, counts: Counts): ObjectStore {
  return {
    name: store.name,
    abilities: store.abilities,
    async get(key, options) {
      counts.gets++;
      const told = await store.get(key, options);
      counts.received += told.body.length;
      return told;
    },
    put(key, body, options) {
      counts.puts++;
      counts.sent += body.length;
      return store.put(key, body, options);
    },
    head(key, options) {
      counts.others++;
      return store.head(key, options);
    },
    delete(key, options) {
      counts.others++;
      return store.delete(key, options);
    },
    list(prefix, options) {
      counts.others++;
      return store.list(prefix, options);
    },
    close: () => store.close(),
  };
}

const data = new Uint8Array(size);
for (let index = 0; index < size; index += 4) data[index] = (Math.imul(index, 2_654_435_761) >>> 13) | 1;

async function inSeconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Keeps `depth` calls going. */
async function inParallel(count: number, depth: number, call: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: depth }, async () => {
      while (next < count) await call(next++);
    }),
  );
}

const loads: Readonly<Record<string, { readonly bytes: number; run(disk: ObjectDisk): Promise<void> }>> = {
  'sequential write, 256 KiB': {
    bytes: size,
    async run(disk) {
      await inParallel(size / 2 ** 18, 4, async (index) =>
        disk.write(index * 2 ** 18, data.subarray(index * 2 ** 18, (index + 1) * 2 ** 18)),
      );
      await disk.flush();
    },
  },
  'sequential read, 256 KiB': {
    bytes: size,
    run: (disk) => inParallel(size / 2 ** 18, 4, async (index) => disk.read(index * 2 ** 18, new Uint8Array(2 ** 18))),
  },
  'random read, 4 KiB': {
    bytes: 4096 * 2000,
    run: (disk) =>
      inParallel(2000, 16, async () =>
        disk.read(4096 * Math.floor(Math.random() * (size / 4096)), new Uint8Array(4096)),
      ),
  },
  'random write, 4 KiB, a flush after 1000': {
    bytes: 4096 * 2000,
    async run(disk) {
      for (let half = 0; half < 2; half++) {
        await inParallel(1000, 16, async () =>
          disk.write(4096 * Math.floor(Math.random() * (size / 4096)), data.subarray(0, 4096)),
        );
        await disk.flush();
      }
    },
  },
};

await using ceph = await startCeph({ bytesMax: 16 * size });
const options = { bucket: 'costs', endpoint: ceph.endpoint, region: 'default', credentials: ceph };
await createS3Bucket(options);

for (const objectBytes of [4 * mebi, mebi / 4]) {
  const own = createS3Store({ ...options, prefix: `own-${objectBytes}` });
  const count = size / objectBytes;
  const part = (index: number): Uint8Array => data.subarray(index * objectBytes, (index + 1) * objectBytes);
  for (let round = 0; round < 2; round++) {
    const put = await inSeconds(() => inParallel(count, 1, (index) => own.put(`k${index}`, part(index))));
    const get = await inSeconds(() => inParallel(count, 1, (index) => own.get(`k${index}`)));
    const speeds = [put, get].map((seconds) => `${(size / mebi / seconds).toFixed(0)} MiB/s`);
    console.log(
      `objects of ${objectBytes / 1024} KiB, the store itself, one stream: put ${speeds[0]}, get ${speeds[1]}`,
    );
  }
  await own.close();
  const counts: Counts = { gets: 0, puts: 0, others: 0, received: 0, sent: 0 };
  const store = createS3Store({ ...options, prefix: `disk-${objectBytes}` });
  await createDisk(store, 'd', { ...use, size, objectBytes });
  for (const [name, { bytes, run }] of Object.entries(loads)) {
    // Each with an empty cache.
    const disk = await openDisk(counting(store, counts), 'd', use);
    Object.assign(counts, { gets: 0, puts: 0, others: 0, received: 0, sent: 0 });
    const seconds = await inSeconds(() => run(disk));
    const each = 2 ** 30 / bytes;
    const facts = [
      `${(bytes / mebi / seconds).toFixed(1)} MiB/s`,
      `for each GiB: ${Math.round(counts.gets * each)} gets, ${Math.round(counts.puts * each)} puts, ${Math.round(counts.others * each)} others`,
      `${(counts.received / bytes).toFixed(2)} GiB received, ${(counts.sent / bytes).toFixed(2)} GiB sent`,
    ];
    console.log(`objects of ${objectBytes / 1024} KiB, ${name}: ${facts.join('; ')}`);
    await disk.close();
  }
  await store.close();
}
