/** The establishment thread: a service behind a message port. */
import { parentPort } from 'node:worker_threads';
import { EstablishmentService } from './thread/establishment-service.ts';
import type { ThreadOrder } from './thread/thread-messages.ts';

if (parentPort === null)
  throw new Error('this file is the worker of @nbdjs/connection and runs in a worker thread only');
const port = parentPort;

const service = new EstablishmentService((report, transfer) => port.postMessage(report, transfer));
port.on('message', (order: ThreadOrder) => {
  service.hear(order);
  // Without a port the loop has nothing to wait for, and the thread ends.
  if (order.type === 'finish') port.close();
});
port.postMessage({ type: 'ready' });
