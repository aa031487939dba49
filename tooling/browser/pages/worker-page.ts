/** A client in a page, of a server in a worker that keeps its disk in a file of the browser. */
import { connect } from '@nbdjs/client/core';
import { adoptPort } from '@nbdjs/transport/core';
import { report } from './report.ts';

const mebi = 2 ** 20;

void report(async () => {
  const worker = new Worker('/worker.js', { type: 'module' });
  const opener = {
    exportName: 'disk',
    async open() {
      const { port1, port2 } = new MessageChannel();
      worker.postMessage(port2, [port2]);
      return adoptPort(port1);
    },
  };
  const disk = await connect(opener);
  const source = new Uint8Array(mebi);
  for (let at = 0; at < source.length; at += 65_536) crypto.getRandomValues(source.subarray(at, at + 65_536));
  const startMs = performance.now();
  await Promise.all(Array.from({ length: 8 }, (_, index) => disk.write(index * mebi, source)));
  await disk.flush();
  const bytes = await disk.readBytes(0, 8 * mebi);
  const seconds = (performance.now() - startMs) / 1000;
  const isSame = Array.from({ length: 8 }, (_, index) => bytes.subarray(index * mebi, (index + 1) * mebi)).every(
    (piece) => piece.every((byte, index) => byte === source[index]),
  );
  const connections = 4;
  const many = await Promise.all(Array.from({ length: connections }, () => connect(opener)));
  const first = await Promise.all(many.map((one) => one.readBytes(0, 16)));
  await Promise.all([disk, ...many].map((one) => one.close()));
  worker.postMessage('close');
  await new Promise((resolve) => worker.addEventListener('message', resolve, { once: true }));
  worker.terminate();
  return {
    isSame,
    first: new Set(first.map((piece) => piece.join())).size,
    mebibytesPerSecond: Math.round(16 / seconds),
  };
});
