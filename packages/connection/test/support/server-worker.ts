/** A tiny server in a thread of its own, so that it goes on while the test's loop is blocked. */
import { parentPort, workerData } from 'node:worker_threads';
import { TinyServer, type TinyServerAddress, type TinyServerOptions } from '@nbdjs/conformance/connector';

export interface ServerWorkerData {
  readonly address: TinyServerAddress;
  readonly options: TinyServerOptions;
  readonly listenAfterMs: number;
}

const { address, options, listenAfterMs } = workerData as ServerWorkerData;
const server = new TinyServer(options);
parentPort?.on('message', async (question: 'count' | 'drop' | 'close') => {
  if (question === 'drop') server.dropAll();
  if (question === 'close') {
    await server.close();
    parentPort?.close();
    return;
  }
  parentPort?.postMessage({ accepted: server.acceptedCount, open: server.openCount });
});
setTimeout(async () => parentPort?.postMessage(await server.listen(address)), listenAfterMs);
