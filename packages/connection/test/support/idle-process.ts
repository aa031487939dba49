/** A program that leaves open what does not keep a process alive, and has to end by itself. */
import { createConnector, type Delivery } from '../../src/index.ts';

const [delivery, path = ''] = process.argv.slice(2);
const { connector } = createConnector({ endpoint: { type: 'unix', path }, delivery: delivery as Delivery });
connector.retry(true);
const { channel } = await connector.establish({ wait: true });
channel.destroy();
await channel.closed;
// The next connection is made and kept, or has just begun; no caller waits for it.
await connector.establish({ wait: false }).catch(() => {});
console.log('done');
