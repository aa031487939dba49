/** How many connections a copy uses. */
import type { CopyOptions } from './command.ts';
import type { DeviceSide, SourceSide, TargetSide } from './side.ts';

/** One more connection is opened for this many bytes of the source. */
const connectionBytesMin = 16n * 2n ** 20n;

const connectionsDefault = 4;

/**
 * Asks for several connections to each server if both sides allow that. Returns how many there may be in each of the threads, which share
 * what one thread would have.
 */
export function openConnections(
  from: SourceSide,
  to: TargetSide,
  { connections, synchronous }: CopyOptions,
  threads: number,
): number {
  if (from.type !== 'device' || to.type !== 'device' || synchronous === true) return 1;
  return widen([from, to], { connections, threads });
}

/**
 * Asks for several connections to each of these devices that is a server, if all of them allow that. Returns how many there may be in each
 * of the threads.
 */
export function widen(
  sides: readonly [DeviceSide, ...DeviceSide[]],
  { connections, threads = 1 }: { readonly connections?: number | undefined; readonly threads?: number | undefined },
): number {
  const mayOpen = Math.max(1, Math.floor((connections ?? connectionsDefault) / threads));
  const canAll = sides.every(({ device }) => device.abilities.multiConn);
  if (!canAll || sides.every(({ setConnections }) => setConnections === undefined)) return 1;
  // A server notices connections that are never used, and says so in its log.
  const useful = sides[0].device.geometry.size / connectionBytesMin + 1n;
  const wanted = useful < mayOpen ? Number(useful) : mayOpen;
  if (wanted === 1) return 1;
  for (const side of sides) side.setConnections?.(wanted);
  return wanted;
}
