/** Bytes as people read them. */

const rowBytes = 16;

/** Rows of an offset, sixteen bytes, and what they are as ASCII. */
export function hexRows(bytes: Uint8Array, offset: number): string {
  const rows: string[] = [];
  for (let start = 0; start < bytes.length; start += rowBytes) {
    const row = bytes.subarray(start, start + rowBytes);
    const digits = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    rows.push(`${(offset + start).toString(16).padStart(10, '0')}  ${digits.padEnd(3 * rowBytes)} ${text}`);
  }
  return rows.join('\n');
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** A size with three digits, in the largest unit that leaves a whole number or more. */
export function sizeText(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}
