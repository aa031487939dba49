/** A device that fails now and then: what failed is tried again, after a while. */
import {
  type BlockDevice,
  type Clock,
  CommandError,
  type Offset,
  type ReadChunk,
  type ReadOptions,
  UsageError,
} from '@nbdjs/interfaces';
import {
  defineOptions,
  GrowingDelay,
  isLoss,
  type OptionsOf,
  option,
  optionChecks,
  type SettingsOf,
  wait,
} from '@nbdjs/kit';
import { AroundLayer, type LayerCall } from './around.ts';

export const retryOptions = defineOptions({
  /** Measures the delays. */
  clock: option.object<Clock>({ required: true, doc: 'Measures the delays.' }),
  /** How often a call is tried again before its error is passed on. @default 5 */
  retries: option.checked<number>(optionChecks.number, {
    default: 5,
    doc: 'How often a call is tried again before its error is passed on.',
  }),
  /** Time before the first retry, in milliseconds; twice as long before each further one. @default 1000 */
  delayMs: option.checked<number>(optionChecks.number, {
    default: 1000,
    doc: 'Milliseconds before the first retry; twice as many before each further one.',
  }),
  /** The longest time between two tries, in milliseconds. @default 16000 */
  delayMsMax: option.checked<number>(optionChecks.number, {
    default: 16_000,
    doc: 'The longest time between two tries, in milliseconds.',
  }),
  /** Called before each wait. */
  onRetry: option.callback<(call: LayerCall, error: unknown, attempt: number) => void>({
    doc: 'Called before each wait.',
  }),
});

/** How often, and after which time, a call is tried again. */
export interface RetryOptions extends OptionsOf<typeof retryOptions> {}

interface RetrySettings extends SettingsOf<typeof retryOptions> {}

/** Errors that may be temporary; the others would be the same the next time. */
const passing = ['EIO', 'ENOMEM', 'ESHUTDOWN'];

/**
 * Tries calls again that fail with EIO, ENOMEM or ESHUTDOWN; but no flush that fails with EIO. Calls whose connection was lost are not
 * repeated: only the device that owns the connection can find out whether such a call was carried out.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createRetryLayer(device: BlockDevice, options: RetryOptions): BlockDevice {
  const settings = retryOptions.resolve('createRetryLayer', options);
  const { retries, delayMs, delayMsMax } = settings;
  if (!Number.isInteger(retries) || retries < 0) throw bad('retries', retries);
  if (!(delayMs >= 0)) throw bad('delayMs', delayMs);
  if (!(delayMsMax >= 0)) throw bad('delayMsMax', delayMsMax);
  return new RetryLayer(device, settings);
}

class RetryLayer extends AroundLayer {
  readonly #settings: RetrySettings;

  constructor(inner: BlockDevice, settings: RetrySettings) {
    super(inner, (call, go) => tryAgain(call, go, settings));
    this.#settings = settings;
  }

  override read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void> {
    return this.#read(offset, target.length, options, (each) => this.inner.read(offset, target, each));
  }

  override readInto(offset: Offset, length: number, provide: () => Uint8Array, options?: ReadOptions): Promise<void> {
    // There is one piece of memory for a read, however many tries it takes to fill it.
    let memory: Uint8Array | undefined;
    const once = (): Uint8Array => {
      memory ??= provide();
      return memory;
    };
    return this.#read(offset, length, options, (each) =>
      this.inner.deferredReads?.readInto(offset, length, once, each),
    );
  }

  /** Tries a read again, and reports the pieces of the one that succeeds. */
  #read(
    offset: Offset,
    length: number,
    options: ReadOptions | undefined,
    read: (options: ReadOptions | undefined) => void | Promise<void>,
  ): Promise<void> {
    const { onChunk } = options ?? {};
    const once = async (): Promise<void> => {
      const chunks: ReadChunk[] = [];
      await read(onChunk === undefined ? options : { ...options, onChunk: (chunk) => void chunks.push(chunk) });
      for (const chunk of chunks) onChunk?.(chunk);
    };
    return tryAgain({ command: 'read', offset, length, options }, once, this.#settings);
  }
}

async function tryAgain<Result>(
  call: LayerCall,
  go: () => Result | Promise<Result>,
  settings: RetrySettings,
): Promise<Result> {
  const { clock, retries, delayMs, delayMsMax, onRetry } = settings;
  let delay: GrowingDelay | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      return await go();
    } catch (error) {
      if (attempt > retries || !mayPass(error) || isLost(call, error)) throw error;
      onRetry?.(call, error, attempt);
    }
    delay ??= new GrowingDelay({ firstMs: delayMs, mostMs: delayMsMax });
    await wait(clock, delay.next(), call.options);
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof CommandError && passing.includes(error.code);
}

/** What a flush could not store is forgotten: the next one would succeed, and the bytes would be gone all the same. */
function isLost({ command }: LayerCall, error: unknown): boolean {
  return command === 'flush' && isLoss(error);
}

function bad(option: string, value: number): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', `${option} of a retry layer is ${value}, expected 0 or more`);
}
