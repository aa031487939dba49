/** A slow device: each call waits before it goes on. */
import { type BlockDevice, type Clock, UsageError } from '@nbdjs/interfaces';
import { wait } from '@nbdjs/kit';
import { AroundLayer, type LayerCall } from './around.ts';

/** How slow the device is. */
export interface DelayOptions {
  /** Measures the delays. */
  readonly clock: Clock;
  /** Milliseconds by command. @default none */
  readonly delayMs: Partial<Readonly<Record<LayerCall['command'], number>>>;
}

/** @throws UsageError when a delay is not a valid number. */
export function createDelayLayer(device: BlockDevice, { clock, delayMs }: DelayOptions): BlockDevice {
  for (const [command, ms] of Object.entries(delayMs)) {
    if (!(ms >= 0)) throw new UsageError('ERR_NBD_ARGUMENT', `the delay of ${command} is ${ms}, expected milliseconds`);
  }
  return new AroundLayer(device, (call, go) => {
    const ms = delayMs[call.command] ?? 0;
    return ms === 0 ? go() : wait(clock, ms, call.options).then(go);
  });
}
