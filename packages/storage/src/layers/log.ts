/** A device that tells of each call. */
import type { BlockDevice, Clock } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { AroundLayer, type LayerCall } from './around.ts';

/** A call that has come to its end. */
export interface LogEntry extends LayerCall {
  /** From the call until it settled, in milliseconds. */
  readonly durationMs: number;
  /** What it failed with. */
  readonly error?: unknown;
}

export const logOptions = defineOptions({
  /** Measures how long calls take. */
  clock: option.object<Clock>({ required: true, doc: 'Measures how long calls take.' }),
  /** Called once for each call that has settled. What it throws is thrown to the caller of the device. */
  log: option.callback<(entry: LogEntry) => void>({
    required: true,
    doc: 'Called once for each call that has settled. What it throws is thrown to the caller of the device.',
  }),
});

/** Where calls are reported. */
export interface LogOptions extends OptionsOf<typeof logOptions> {}

/**
 * Calls `log` once for each call that has settled, in the order of their ends.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createLogLayer(device: BlockDevice, options: LogOptions): BlockDevice {
  const { clock, log } = logOptions.resolve('createLogLayer', options);
  return new AroundLayer(device, (call, go) => {
    const startMs = clock.now();
    const tell = (failure?: { readonly error: unknown }): void =>
      log({ ...call, durationMs: clock.now() - startMs, ...failure });
    const failed = (error: unknown): never => {
      tell({ error });
      throw error;
    };
    try {
      const result = go();
      if (result instanceof Promise) {
        return result.then((value) => {
          tell();
          return value;
        }, failed);
      }
      tell();
      return result;
    } catch (error) {
      return failed(error);
    }
  });
}
