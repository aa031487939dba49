/**
 * Sequential reading of a disk beside one stream of GETs of objects of the same size, by a Ceph on this machine. The two take turns, so that what
 * else goes on touches both.
 *
 *     node --conditions @nbdjs/source --import tsx bench/sequential.ts [MiB] [ROUNDS]
 */
import { systemClock } from '@nbdjs/node';
import { createDisk, type ObjectDisk, type ObjectStore, openDisk } from '@nbdjs/objects';
import { startCeph } from '@nbdjs/peers';
import { createS3Bucket, createS3Store } from '../src/index.ts';

const mebi = 2 ** 20;
const size = Number(process.argv[2] ?? 256) * mebi;
const rounds = Number(process.argv[3] ?? 5);
const objectBytes = 4 * mebi;
const pieceBytes = mebi / 4;
const data = new Uint8Array(size);
for (let index = 0; index < size; index += 4) data[index] = (Math.imul(index, 2_654_435_761) >>> 13) | 1;

async function measured(
  work: () => Promise<void>,
): Promise<{ readonly mebiPerSecond: number; readonly cpuMs: number }> {
  const before = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { mebiPerSecond: size / mebi / seconds, cpuMs: (user + system) / 1000 };
}

async function getAll(store: ObjectStore): Promise<void> {
  for (let index = 0; index < size / objectBytes; index++) await store.get(`k${index}`);
}

/** As `nbd copy` reads: some requests at a time, each into memory of its own that is used again. */
async function readAll(disk: ObjectDisk): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      const target = new Uint8Array(pieceBytes);
      for (let at = next++ * pieceBytes; at < size; at = next++ * pieceBytes) await disk.read(at, target);
    }),
  );
}

await using ceph = await startCeph({ bytesMax: 16 * size });
const options = { bucket: 'costs', endpoint: ceph.endpoint, region: 'default', credentials: ceph };
await createS3Bucket(options);
const own = createS3Store({ ...options, prefix: 'own' });
for (let at = 0; at < size; at += objectBytes)
  await own.put(`k${at / objectBytes}`, data.subarray(at, at + objectBytes));
const store = createS3Store({ ...options, prefix: 'disk' });
await createDisk(store, 'd', { clock: systemClock, size, objectBytes });
const writing = await openDisk(store, 'd', { clock: systemClock });
for (let at = 0; at < size; at += objectBytes) await writing.write(at, data.subarray(at, at + objectBytes));
await writing.close();
const ratios: number[] = [];
for (let round = 0; round < rounds; round++) {
  const got = await measured(() => getAll(own));
  // Each with an empty cache. A disk closes its store.
  const disk = await openDisk(createS3Store({ ...options, prefix: 'disk' }), 'd', {
    clock: systemClock,
    readOnly: true,
  });
  const read = await measured(() => readAll(disk));
  await disk.close();
  const ratio = read.mebiPerSecond / got.mebiPerSecond;
  ratios.push(ratio);
  const words = [got, read].map(
    ({ mebiPerSecond, cpuMs }) => `${mebiPerSecond.toFixed(0)} MiB/s (${cpuMs.toFixed(0)} ms of processor time)`,
  );
  console.log(`GETs ${words[0]}, disk ${words[1]}: ${ratio.toFixed(2)}`);
}
ratios.sort((one, other) => one - other);
console.log(`the median of ${rounds}: ${ratios[Math.floor(rounds / 2)]?.toFixed(2)}`);
await own.close();
