/**
 * Calls whose time depends on a filesystem, on libuv's threads: the event loop goes on meanwhile. At most half of the threads are used,
 * because `node:fs` needs them as well.
 */
import type { Native, NativeFunction } from './native.ts';

type Start = () => void;

/** The number of libuv's threads, which it reads when it starts the first one. */
const threadCount = Number(process.env.UV_THREADPOOL_SIZE ?? '4') || 4;
const callsMax = Math.max(1, Math.floor(threadCount / 2));

let callCount = 0;
const waiting: Start[] = [];

/** The outcome of a call. */
export interface Aside {
  readonly result: number | bigint;
  /** Valid only when the result reports an error. */
  readonly errorNumber: number;
  /** How long the call took, without the wait for its turn, in milliseconds. */
  readonly ms: number;
}

/** Makes a call on another thread, when it is its turn. */
export function callAside(functions: Native, call: NativeFunction, ...args: unknown[]): Promise<Aside> {
  return new Promise((resolve, reject) => {
    const start = (): void => {
      callCount++;
      const startMs = performance.now();
      try {
        call.async(...args, (error: Error | null, result: number | bigint) => {
          // Valid only until the next call.
          const errorNumber = functions.errno();
          const ms = performance.now() - startMs;
          startNext();
          if (error === null) resolve({ result, errorNumber, ms });
          else reject(error);
        });
      } catch (error) {
        startNext();
        reject(error);
      }
    };
    if (callCount < callsMax) start();
    else waiting.push(start);
  });
}

function startNext(): void {
  callCount--;
  waiting.shift()?.();
}
