/** A device whose reads and writes take the time that a given rate allows. */
import { type BlockDevice, type Clock, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionChecks, wait } from '@nbdjs/kit';
import { AroundLayer } from './around.ts';

// Fractions are possible. The two numbers are refused together, so their bounds are not here.
export const rateOptions = defineOptions({
  /** Measures the rate. */
  clock: option.object<Clock>({ required: true, doc: 'Measures the rate.' }),
  /** Bytes of reads and writes together, more than 0. */
  bytesPerSecond: option.checked<number>(optionChecks.number, {
    required: true,
    doc: 'Bytes of reads and writes together, more than 0.',
  }),
  /** Bytes that may pass at once after a pause. @default what passes in a tenth of a second */
  burstBytes: option.checked<number>(optionChecks.number, {
    defaultText: 'what passes in a tenth of a second',
    doc: 'Bytes that may pass at once after a pause.',
  }),
});

/** How quick the device is. */
export interface RateOptions extends OptionsOf<typeof rateOptions> {}

/**
 * Lets reads and writes pass in the order in which they came, at a rate: each waits until what has passed before has been
 * paid for.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createRateLayer(device: BlockDevice, options: RateOptions): BlockDevice {
  const given = rateOptions.resolve('createRateLayer', options);
  const { clock, bytesPerSecond, burstBytes = bytesPerSecond / 10 } = given;
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
