/** The suite over a file of the browser, in a dedicated worker; and what else only a browser's own handles show. */
import { createBlobDevice } from '@nbdjs/storage/blob';
import { createOverlayLayer } from '@nbdjs/storage/layers';
import { createMemoryDevice } from '@nbdjs/storage/memory';
import { openOpfsDevice } from '@nbdjs/storage/opfs';
import { runDeviceSuite } from './device-suite.ts';
import { inWords } from './report.ts';

async function work() {
  const opfs = await runDeviceSuite((size) =>
    openOpfsDevice('suite/disk.img', { create: true, size, truncate: true }).then(async (device) => {
      await device.writeZeroes(0, size);
      return device;
    }),
  );
  const memory = await runDeviceSuite(async (size) => createMemoryDevice({ size }));
  const blob = await runDeviceSuite(async (size) =>
    createOverlayLayer(createBlobDevice(new Blob([new Uint8Array(size)]))),
  );

  const device = await openOpfsDevice('kept.img', { create: true, size: 1_000_000 });
  await device.write(999_990, Uint8Array.of(1, 2, 3), { fua: true });
  const locked = await openOpfsDevice('kept.img').then(
    () => 'opened twice',
    (error: { code?: string }) => error.code,
  );
  await device.close();
  const again = await openOpfsDevice('kept.img', { readOnly: true });
  const bytes = new Uint8Array(4);
  await again.read(999_990, bytes);
  const { geometry, abilities } = again;
  await again.close();
  const missing = await openOpfsDevice('none.img').catch((error: { code?: string }) => error.code);
  const node = { process: typeof process, Buffer: typeof Buffer };
  return {
    opfs,
    memory,
    blob,
    locked,
    missing,
    size: geometry.size.toString(),
    readOnly: abilities.readOnly,
    bytes: [...bytes],
    node,
  };
}

work().then(
  (result) => postMessage({ result }),
  (error: unknown) => postMessage({ error: inWords(error) }),
);
