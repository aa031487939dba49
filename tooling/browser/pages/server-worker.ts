/** A server in a worker, over a file of the browser; its clients come by ports. */
import { createServer } from '@nbdjs/server/core';
import { openOpfsDevice } from '@nbdjs/storage/opfs';
import { adoptPort } from '@nbdjs/transport/core';

const device = openOpfsDevice('served.img', { create: true, size: 8 * 2 ** 20, truncate: true });
const server = device.then((disk) => createServer({ exports: { disk } }));

addEventListener('message', ({ data }) => {
  if (data === 'close') void close();
  else void server.then((one) => one.accept(adoptPort(data as MessagePort)));
});

async function close(): Promise<void> {
  await (await server).close();
  await (await device).close();
  postMessage('closed');
}
