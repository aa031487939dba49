/** A worker that makes the connections of the page; for the test, their server is in the worker, too. */
import { createOpenerConnector, serveConnector } from '@nbdjs/connection/core';
import { createServer } from '@nbdjs/server/core';
import { createMemoryDevice } from '@nbdjs/storage/memory';
import { createMemoryPair } from '@nbdjs/transport/core';

const server = createServer({ exports: { disk: createMemoryDevice({ size: 32 * 2 ** 20 }) } });
let last: { destroy(): void } | undefined;

addEventListener('message', ({ data }) => {
  if (data === 'cut') last?.destroy();
  else
    serveConnector(
      data as MessagePort,
      createOpenerConnector({ opener: { name: 'the worker', open }, handshake: { exportName: 'disk' } }),
    );
});

async function open() {
  const [ours, theirs] = createMemoryPair();
  last = theirs;
  void server.accept(theirs);
  return ours;
}
