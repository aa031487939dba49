/** Warnings that would come again and again. */

const pauseMs = 60_000;

/** Returns the same function, which does nothing for a minute after a call. */
export function rateLimited<Args extends readonly unknown[]>(warn: (...args: Args) => void): (...args: Args) => void {
  let nextMs = Number.NEGATIVE_INFINITY;
  return (...args) => {
    const now = performance.now();
    if (now < nextMs) return;
    nextMs = now + pauseMs;
    warn(...args);
  };
}
