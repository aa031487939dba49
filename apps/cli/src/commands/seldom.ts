/** A warning that would come again and again comes once in a while. */

const pauseMs = 60_000;

/** The same function, which does nothing when it has been called a moment ago. */
export function seldom<Args extends readonly unknown[]>(tell: (...args: Args) => void): (...args: Args) => void {
  let againMs = Number.NEGATIVE_INFINITY;
  return (...args) => {
    const now = performance.now();
    if (now < againMs) return;
    againMs = now + pauseMs;
    tell(...args);
  };
}
