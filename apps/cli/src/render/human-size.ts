/** Sizes as people read them. */

const units = ['', 'K', 'M', 'G', 'T', 'P', 'E'] as const;

/** The largest power of 1024 that divides the size exactly: `8G`, `1M`, or the plain number. What nbdinfo prints. */
export function exactSize(bytes: bigint): string {
  let size = bytes;
  let unit = 0;
  while (size !== 0n && size % 1024n === 0n && unit < units.length - 1) {
    size /= 1024n;
    unit++;
  }
  return `${size}${units[unit]}`;
}

/** Three significant digits in a power of 1024: `1.46 GiB`. */
export function roundedSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  const digits = unit === 0 ? 0 : size < 10 ? 2 : size < 100 ? 1 : 0;
  return `${size.toFixed(digits)} ${units[unit]}${unit === 0 ? 'B' : 'iB'}`;
}

/** A time span: `0:07`, `12:30`, `1:02:03`. */
export function timeSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
