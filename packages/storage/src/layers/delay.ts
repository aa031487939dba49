/** A slow device: each call waits before it goes on. */
import { type BlockDevice, type Clock, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, wait } from '@nbdjs/kit';
import { AroundLayer, type LayerCall } from './around.ts';

export const delayOptions = defineOptions({
  /** Measures the delays. */
  clock: option.object<Clock>({ required: true, doc: 'Measures the delays.' }),
  /** Milliseconds by command; commands without any do not wait. */
  delayMs: option.object<Partial<Readonly<Record<LayerCall['command'], number>>>>({
    required: true,
    doc: 'Milliseconds by command; commands without any do not wait.',
  }),
});

/** How slow the device is. */
export interface DelayOptions extends OptionsOf<typeof delayOptions> {}

/** @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing. */
export function createDelayLayer(device: BlockDevice, options: DelayOptions): BlockDevice {
  const { clock, delayMs } = delayOptions.resolve('createDelayLayer', options);
  for (const [command, ms] of Object.entries(delayMs)) {
    if (!(ms >= 0)) throw new UsageError('ERR_NBD_ARGUMENT', `the delay of ${command} is ${ms}, expected milliseconds`);
  }
  return new AroundLayer(device, (call, go) => {
    const ms = delayMs[call.command] ?? 0;
    return ms === 0 ? go() : wait(clock, ms, call.options).then(go);
  });
}
