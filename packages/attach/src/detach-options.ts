/** How a device is detached. */
import { TimeoutError } from '@nbdjs/interfaces';

/** How a device is detached. */
export interface DetachOptions {
  /**
   * Detach although the device is in use, and without writing what the kernel has in memory: requests under way fail, and a file system on
   * it is damaged as by a power failure. @default false
   */
  readonly force?: boolean | undefined;
  /**
   * How long writing may take, in milliseconds; without it, as long as the device takes. A device whose server is away takes until the
   * server is back. @default no limit
   */
  readonly flushTimeoutMs?: number | undefined;
}

/** @throws TimeoutError when the work takes longer than the limit. The work goes on then, and what it opens is closed. */
export async function withinLimit<Result extends { close(): Promise<void> }>(
  { flushTimeoutMs }: DetachOptions,
  path: string,
  work: Promise<Result>,
): Promise<Result> {
  if (flushTimeoutMs === undefined) return await work;
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new TimeoutError('close', `${path}: writing what is in memory took longer than ${flushTimeoutMs} ms`));
    }, flushTimeoutMs);
  });
  work.then((result) => (isLate ? result.close() : undefined)).catch(() => {});
  return await Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
