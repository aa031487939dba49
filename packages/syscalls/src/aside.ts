/**
 * Calls whose time depends on a filesystem, on libuv's threads: the event loop goes on meanwhile. Never on all of the threads, which
 * `node:fs` needs for everybody's reads and writes.
 */
import type { Native, NativeFunction } from './native.ts';

type Start = () => void;

/** As libuv counts them when it starts its first one. */
const threads = Number(process.env.UV_THREADPOOL_SIZE ?? '4') || 4;
const callsMax = Math.max(1, Math.floor(threads / 2));

let callCount = 0;
const waiting: Start[] = [];

/** What came of a call. */
export interface Aside {
  readonly result: number | bigint;
  /** Means something only if the result says so. */
  readonly errorNumber: number;
  /** How long it took once its turn had come, in milliseconds. */
  readonly ms: number;
}

/** Makes a call on another thread, in its turn. */
export function callAside(functions: Native, call: NativeFunction, ...args: unknown[]): Promise<Aside> {
  return new Promise((resolve, reject) => {
    const start = (): void => {
      callCount++;
      const startMs = performance.now();
      try {
        call.async(...args, (error: Error | null, result: number | bigint) => {
          // Another call would have another one.
          const errorNumber = functions.errno();
          const ms = performance.now() - startMs;
          goOn();
          if (error === null) resolve({ result, errorNumber, ms });
          else reject(error);
        });
      } catch (error) {
        goOn();
        reject(error);
      }
    };
    if (callCount < callsMax) start();
    else waiting.push(start);
  });
}

function goOn(): void {
  callCount--;
  waiting.shift()?.();
}
