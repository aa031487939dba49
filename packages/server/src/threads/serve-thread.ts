/** The entry of a server's thread: the module of the caller calls it. */
import { parentPort, workerData } from 'node:worker_threads';
import { UsageError } from '@nbdjs/interfaces';
import { toErrorRecord } from '@nbdjs/kit';
import { capabilities } from '@nbdjs/syscalls';
import { exportedBy, namesClients, providerOf } from '../exports/export-table.ts';
import { checkTable, requireNewstyle } from '../server-options.ts';
import { requireFixedSize, threadProvider } from './thread-exports.ts';
import type { ThreadOrder, ThreadReport, ThreadStart } from './thread-messages.ts';
import { type ThreadDefinition, type ThreadServing, threadServingOptions } from './thread-options.ts';
import { ThreadService } from './thread-service.ts';

/**
 * Makes this thread serve clients of the server that has started it (`createThreadedServer`). Called once, by the module that the
 * server's option `threads.module` names. The thread ends when the server does.
 *
 * @throws UsageError `ERR_NBD_STATE` when this is not a thread of a server.
 */
export function serveThread<Data = unknown>(definition: ThreadDefinition<Data>): void {
  const start = workerData as ThreadStart | null;
  if (parentPort === null || start?.nbdjsServerThread !== true) {
    throw new UsageError('ERR_NBD_STATE', 'serveThread: this is not a thread of createThreadedServer');
  }
  void run(definition, start, parentPort);
}

type Port = NonNullable<typeof parentPort>;

async function run<Data>(definition: ThreadDefinition<Data>, start: ThreadStart, port: Port): Promise<void> {
  const post = (report: ThreadReport): void => port.postMessage(report);
  try {
    // Loads native code before the thread counts as started: a thread must not be stopped in the middle of that.
    capabilities();
    const { thread, threadCount, data } = start;
    const serving = await definition.open(data as Data, { thread, threadCount });
    const service = makeService(definition, start, serving, post);
    // Orders that have come meanwhile have waited in the port.
    port.on('message', (order: ThreadOrder) => {
      service.hear(order);
      if (order.type === 'finish') void finish(serving, port, post);
    });
    post({ type: 'ready', ...exportedBy(serving.exports, serving.tls) });
  } catch (error) {
    post({ type: 'failed', error: toErrorRecord(error) });
    port.close();
  }
}

function makeService<Data>(
  { adopt }: ThreadDefinition<Data>,
  start: ThreadStart,
  given: ThreadServing,
  post: (report: ThreadReport) => void,
): ThreadService {
  const { exports, tls, sharesStorage } = threadServingOptions.resolve('serveThread: open', given);
  checkTable(exports);
  if (typeof exports.open !== 'function') {
    for (const [name, one] of Object.entries(exports)) requireFixedSize(name, one);
  }
  const provider = threadProvider(providerOf(exports), sharesStorage);
  const loadTls = () => {
    const upgrade = tls?.load({ identity: namesClients(exports) });
    requireNewstyle(start.settings, upgrade);
    return upgrade;
  };
  return new ThreadService({ start, post, adopt, provider, loadTls });
}

async function finish({ close }: ThreadServing, port: Port, post: (report: ThreadReport) => void): Promise<void> {
  try {
    await close?.();
  } finally {
    post({ type: 'finished' });
    port.close();
  }
}
