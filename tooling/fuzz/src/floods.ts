/**
 * `pnpm --filter @nbdjs/fuzz floods [SECONDS]`: each attack by itself, then all together; 20 seconds each by default.
 * Fails when honest clients get less than half of what they get alone, or when something is left over.
 */
import { type Attack, describeFlood, flood, openFilesMax } from './flood.ts';

const seconds = Number(process.argv.slice(2).find((word) => word !== '--') ?? 20);
const everybody = { slow: 1000, unread: 500, connect: 1000 };
/** Sockets of hostile clients in one process, and others that need some. */
const filesNeeded = 4000;

const scale = Math.min(1, openFilesMax() / filesNeeded);
if (scale < 1)
  console.log(`only ${openFilesMax()} files may be open (ulimit -n): ${Math.round(100 * scale)} % of the clients come`);
const scaled = (attack: Attack): Attack =>
  Object.fromEntries(Object.entries(attack).map(([kind, count]) => [kind, Math.floor(count * scale)]));

for (const [name, attack] of [
  ['slow', { slow: everybody.slow }],
  ['unread', { unread: everybody.unread }],
  ['connect', { connect: everybody.connect }],
  ['all together', everybody],
] as const) {
  const result = await flood({ attack: scaled(attack), seconds });
  console.log(describeFlood(name, result));
  const left = result.leftSessions + result.leftBytes + result.leftDescriptors + result.leftTimers;
  if (left > 0) console.log(`  left over: ${JSON.stringify(result)}`);
  if (left > 0 || result.attackedPerSecond < result.calmPerSecond / 2) process.exitCode = 1;
}
