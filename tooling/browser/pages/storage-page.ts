/** What a page itself can do with a file of the browser, after its worker has written one. */
import { openOpfsDevice } from '@nbdjs/storage/opfs';
import { report } from './report.ts';

void report(async () => {
  const worker = new Worker('/worker.js', { type: 'module' });
  const inWorker = await new Promise<{ result?: unknown; error?: string }>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  worker.terminate();
  if (inWorker.error !== undefined) throw new Error(`in the worker: ${inWorker.error}`);
  const device = await openOpfsDevice('kept.img', { readOnly: true });
  const bytes = new Uint8Array(4);
  await device.read(999_990, bytes);
  await device.close();
  const refused = await openOpfsDevice('kept.img').catch((error: { code?: string }) => error.code);
  return { inWorker: inWorker.result, inPage: { bytes: [...bytes], refused } };
});
