/** A client whose connections are made and kept in a worker: its bytes cross by ports. */
import { openClient } from '@nbdjs/client/core';
import { createPortConnector } from '@nbdjs/connection/core';
import { report } from './report.ts';

const mebi = 2 ** 20;

void report(async () => {
  const worker = new Worker('/worker.js', { type: 'module' });
  const { port1, port2 } = new MessageChannel();
  worker.postMessage(port2, [port2]);
  const disk = await openClient(createPortConnector(port1), { reconnectDelayMs: 10_000 }, 'the worker');
  const source = crypto.getRandomValues(new Uint8Array(65_536));
  await disk.write(3 * mebi, source);
  worker.postMessage('cut');
  const bytes = await disk.readBytes(3 * mebi, source.length);
  const startMs = performance.now();
  await Promise.all(Array.from({ length: 32 }, (_, index) => disk.readBytes(index * mebi, mebi)));
  const seconds = (performance.now() - startMs) / 1000;
  const { exportName } = disk.facts;
  await disk.close();
  worker.terminate();
  return {
    exportName,
    isSame: bytes.every((byte, index) => byte === source[index]),
    mebibytesPerSecond: Math.round(32 / seconds),
  };
});
