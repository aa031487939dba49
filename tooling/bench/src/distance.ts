/**
 * A proxy that adds a round-trip time to a server, as a process of its own: `distance.ts LISTEN_PATH TARGET_PATH ROUND_TRIP_MS`.
 * Prints a line when it listens, and goes on until it is ended.
 */
import { ChaosProxy } from '@nbdjs/testkit';

const [listenPath = '', targetPath = '', roundTripMs = '50'] = process.argv.slice(2);
const oneWay = { delayMs: Number(roundTripMs) / 2 };

await ChaosProxy.start({
  listen: { type: 'unix', path: listenPath },
  target: { type: 'unix', path: targetPath },
  plan: () => ({ up: oneWay, down: oneWay }),
});
process.stdout.write('ready\n');
