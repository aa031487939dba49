/** A thread that makes requests of a device, one after the other, and waits as long as the driver does. */
import { parentPort, workerData } from 'node:worker_threads';
import { controlDevice } from '@nbdjs/syscalls';
import type { DeviceOrder } from './ioctl-requests.ts';
import type { ThreadReport } from './ioctl-thread-messages.ts';

const { fd, orders } = workerData as { readonly fd: number; readonly orders: readonly DeviceOrder[] };

function report(said: ThreadReport): void {
  parentPort?.postMessage(said);
}

try {
  for (const [index, [request, argument]] of orders.entries()) {
    // The caller is told before the last request, which may take as long as the device is attached.
    if (index === orders.length - 1) report({ type: 'last' });
    controlDevice(fd, request, argument);
  }
  report({ type: 'done' });
} catch (error) {
  const { message, errno = 0, code = '' } = error as NodeJS.ErrnoException;
  report({ type: 'failed', message, errno, code });
}
