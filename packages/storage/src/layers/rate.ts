/** A device whose reads and writes take the time that a given rate allows. */
import { type BlockDevice, type Clock, UsageError } from '@nbdjs/interfaces';
import { wait } from '@nbdjs/kit';
import { AroundLayer } from './around.ts';

/** How quick the device is. */
export interface RateOptions {
  /** Measures the rate. */
  readonly clock: Clock;
  /** Bytes of reads and writes together. */
  readonly bytesPerSecond: number;
  /** Bytes that may pass at once after a pause. @default what passes in a tenth of a second */
  readonly burstBytes?: number | undefined;
}

/**
 * Lets reads and writes pass in the order in which they came, at a rate: each waits until what has passed before has been
 * paid for.
 *
 * @throws UsageError when the rate is not a valid number.
 */
export function createRateLayer(device: BlockDevice, options: RateOptions): BlockDevice {
  const { clock, bytesPerSecond, burstBytes = bytesPerSecond / 10 } = options;
  if (!(bytesPerSecond > 0) || !(burstBytes >= 0)) {
    const message = `a rate of ${bytesPerSecond} bytes a second, ${burstBytes} of them at once, is none`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const burstMs = (1000 * burstBytes) / bytesPerSecond;
  /** When all that has been let through is paid for. */
  let paidMs = Number.NEGATIVE_INFINITY;
  return new AroundLayer(device, (call, go) => {
    if (call.command !== 'read' && call.command !== 'write') return go();
    const nowMs = clock.now();
    const beginMs = Math.max(paidMs, nowMs - burstMs);
    paidMs = beginMs + (1000 * Number(call.length)) / bytesPerSecond;
    return paidMs <= nowMs ? go() : wait(clock, paidMs - nowMs, call.options).then(go);
  });
}
