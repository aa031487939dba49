/** Figures of a load, as people read them. */

/** Microseconds in three digits: `87.3 µs`, `1.24 ms`, `2.5 s`. */
export function latencyText(microseconds: number): string {
  if (microseconds < 1000) return `${threeDigits(microseconds)} µs`;
  return microseconds < 1e6 ? `${threeDigits(microseconds / 1000)} ms` : `${threeDigits(microseconds / 1e6)} s`;
}

/** A number of requests, in groups of three digits; small ones with a place behind the point. */
export function rateText(value: number): string {
  if (value < 100 && !Number.isInteger(value)) return value.toFixed(1);
  return grouped(Math.round(value));
}

/** A whole number in groups of three digits: `1 234 567`. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
