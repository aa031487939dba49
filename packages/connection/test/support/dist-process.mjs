/** What a user of the published package does. */
import { createConnector } from '@nbdjs/connection';

const [delivery, path] = process.argv.slice(-2);
const { connector } = createConnector({ endpoint: { type: 'unix', path }, delivery });
const { channel, facts } = await connector.establish({ wait: true });
const received = [];
const memory = new Uint8Array(16);
const echoed = new Promise((resolve) => {
  channel.open({
    writable: () => memory,
    advance(byteCount) {
      received.push(...memory.subarray(0, byteCount));
      if (received.length >= 3) resolve();
    },
    drained() {},
    ended: resolve,
  });
});
channel.send([Uint8Array.of(1, 2, 3)]);
await echoed;
channel.destroy();
await channel.closed;
connector.release();
console.log(JSON.stringify({ source: import.meta.resolve('@nbdjs/connection'), size: `${facts.size}`, received }));
