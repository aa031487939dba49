/** Numbers for people. */
import type { Figure } from '../measuring/cell.ts';

/** Three digits that count, with a letter for large ones: 382k, 1.20M. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  for (const [least, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e4, 'k'],
  ] as const) {
    if (Math.abs(value) >= least) return `${threeDigits(value / (unit === 'k' ? 1e3 : least))}${unit}`;
  }
  return threeDigits(value);
}

/** Bytes in powers of 1024. */
export function shortBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '-';
  for (const [exponent, unit] of [
    [30, 'GiB'],
    [20, 'MiB'],
    [10, 'KiB'],
  ] as const) {
    if (bytes >= 2 ** exponent) return `${threeDigits(bytes / 2 ** exponent)} ${unit}`;
  }
  return `${threeDigits(bytes)} B`;
}

export function figureText(figure: Figure, value: number): string {
  return figure === 'bytesPerConnection' ? shortBytes(value) : shortNumber(value);
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}
