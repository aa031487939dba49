/** A device that tells of each call. */
import type { BlockDevice, Clock } from '@nbdjs/interfaces';
import { AroundLayer, type LayerCall } from './around.ts';

/** A call that has come to its end. */
export interface LogEntry extends LayerCall {
  /** From the call until it settled, in milliseconds. */
  readonly durationMs: number;
  /** What it failed with. */
  readonly error?: unknown;
}

/** Where calls are reported. */
export interface LogOptions {
  /** Measures how long calls take. */
  readonly clock: Clock;
  /** Called once for each call that has settled. What it throws is thrown to the caller of the device. */
  readonly log: (entry: LogEntry) => void;
}

/** Calls `log` once for each call that has settled, in the order of their ends. */
export function createLogLayer(device: BlockDevice, { clock, log }: LogOptions): BlockDevice {
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
