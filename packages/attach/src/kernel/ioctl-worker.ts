/** Starts the thread that makes requests of a device. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { UsageError } from '@nbdjs/interfaces';
import type { DeviceOrder } from './ioctl-requests.ts';
import type { ThreadReport } from './ioctl-thread-messages.ts';

/** Requests that a thread makes. */
export interface OrdersUnderWay {
  /** Settles when only the last request is left, and that one is made now; rejects with the driver's error before that. */
  readonly last: Promise<void>;
  /** Settles when all are done; rejects with the driver's error. */
  readonly done: Promise<void>;
}

/** Makes requests of a device, one after the other, in a thread of their own. */
export function startOrders(fd: number, orders: readonly DeviceOrder[]): OrdersUnderWay {
  const worker = new Worker(threadFile(), { workerData: { fd, orders }, execArgv: [] });
  const reports = (type: ThreadReport['type']): Promise<void> => {
    const reported = new Promise<void>((resolve, reject) => {
      worker.on('message', (said: ThreadReport) => {
        if (said.type === type) resolve();
        else if (said.type === 'failed') reject(driverError(said));
      });
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`thread for requests of the device has ended with code ${code}`)));
    });
    // One of them is always waited for, and the other one fails with it.
    reported.catch(() => {});
    return reported;
  };
  return { last: reports('last'), done: reports('done') };
}

function driverError({ message, errno, code }: ThreadReport & { readonly type: 'failed' }): Error {
  return Object.assign(new Error(message), { errno, code, syscall: 'ioctl' });
}

/** The built file is beside this one, or what it was bundled into; from source it is not JavaScript. */
function threadFile(): URL {
  const url = new URL('./ioctl-thread.js', import.meta.url);
  if (existsSync(fileURLToPath(url))) return url;
  throw new UsageError(
    'ERR_NBD_NOT_SUPPORTED',
    'attaching by ioctl needs the file ioctl-thread.js of @nbdjs/attach beside its code',
  );
}
