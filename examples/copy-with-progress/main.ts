import { compareDevices, copyDevice } from '@nbdjs/copy';
import { createMemoryDevice } from '@nbdjs/storage';

const mebi = 2 ** 20;
const source = createMemoryDevice({ size: 256 * mebi });
for (const place of [0, 100, 200]) await source.write(place * mebi, new Uint8Array(mebi).fill(0xab));
const target = createMemoryDevice({ size: source.geometry.size });

const report = await copyDevice(source, target, {
  targetIsZero: true,
  onProgress: ({ doneBytes, totalBytes }) => {
    if (doneBytes === totalBytes) console.log(`done: ${doneBytes} of ${totalBytes} bytes`);
  },
});
console.log(`read ${report.readBytes} bytes, skipped ${report.skippedBytes}`);

const { differsAt } = await compareDevices(source, target);
console.log(differsAt === undefined ? 'both sides are equal' : `they differ at byte ${differsAt}`);
await Promise.all([source.close(), target.close()]);
