/** The NBD server, in a thread of its own: long requests of one side do not hold up the other. */
import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { serve } from '@nbdjs/server';
import { type BlockDevice, openFileDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { imagePath, isDiskName, type WorkerData } from './images.ts';

interface OpenImage {
  readonly device: Promise<BlockDevice>;
  users: number;
}

const { folder, host, port } = workerData as WorkerData;

/** The clients of one image share its device. An image that has replaced another under the same name is not the same one. */
const images = new Map<string, OpenImage>();

async function openImage(name: string) {
  if (!isDiskName(name)) return undefined;
  const path = imagePath(folder, name);
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) return undefined;
  const key = `${file.dev}:${file.ino}`;
  const image = images.get(key) ?? { device: openFileDevice(path), users: 0 };
  images.set(key, image);
  image.users++;
  const release = (): void => {
    if (--image.users > 0) return;
    images.delete(key);
    image.device.then((device) => device.close()).catch(() => {});
  };
  try {
    return { device: await image.device, release };
  } catch (error) {
    release();
    throw error;
  }
}

const serving = await serve({ type: 'tcp', host, port }, { listen, exports: { open: openImage } });
parentPort?.postMessage({ port: serving.address.port });
parentPort?.once('message', async () => {
  // Clients have the server's `closeMs` to finish; their images are released as they go.
  await serving.close();
  parentPort?.close();
});
