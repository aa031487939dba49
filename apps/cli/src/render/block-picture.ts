/** A picture of a block map: one character per stretch of the device. */
import { AllocationStatus, type Extent } from '@nbdjs/interfaces';
import type { Colours } from './colours.ts';

/** From no data in a stretch to nothing but data. */
const shades = ['·', '░', '▒', '▓', '█'] as const;

/** Draws `rows` lines of `columns` characters; the shade shows how much of each stretch is data. */
export function blockPicture(
  extents: readonly Extent[],
  size: bigint,
  columns: number,
  rows: number,
  colours: Colours,
): string {
  const cells = columns * rows;
  const dataBytes = new Float64Array(cells);
  const cellBytes = Number(size) / cells;
  for (const { offset, length, status } of extents) {
    if (Number(status) & AllocationStatus.Zero) continue;
    const from = Number(offset) / cellBytes;
    const to = Number(offset + length) / cellBytes;
    for (let cell = Math.floor(from); cell < Math.min(to, cells); cell++) {
      dataBytes[cell] = (dataBytes[cell] ?? 0) + Math.min(to, cell + 1) - Math.max(from, cell);
    }
  }
  let picture = '';
  for (let row = 0; row < rows; row++) {
    let line = '';
    for (let column = 0; column < columns; column++) {
      const share = dataBytes[row * columns + column] ?? 0;
      line += shades[share === 0 ? 0 : Math.max(1, Math.round(share * (shades.length - 1)))];
    }
    picture += `  ${colours.cyan(line)}\n`;
  }
  return picture;
}
