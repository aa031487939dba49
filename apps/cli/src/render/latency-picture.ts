/** Latencies as a picture in the terminal: a bar for each bucket, on a scale that doubles from row to row. */
import type { LatencySummary } from '@nbdjs/load';
import type { Colours } from './colours.ts';
import { grouped, latencyText } from './load-figures.ts';

/** How it is drawn. */
export interface LatencyPictureStyle {
  readonly colours: Colours;
  readonly hasUnicode: boolean;
  /** Characters in a line. */
  readonly columns: number;
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;
const barWidthMax = 50;

/** Empty rows at both ends and long runs of rare values take no more than this. */
const rowsMax = 24;

/** One line for each bucket. Marks say in which the percentiles are. */
export function latencyPicture({ buckets, percentilesUs }: LatencySummary, style: LatencyPictureStyle): string {
  const shown = buckets.length <= rowsMax ? buckets : buckets.slice(-rowsMax);
  const most = Math.max(...shown.map(({ count }) => count));
  const counts = shown.map(({ count }) => grouped(count));
  const countWidth = Math.max(...counts.map(({ length }) => length));
  const labelWidth = 10;
  const marksWidth = 24;
  const barWidth = Math.max(8, Math.min(barWidthMax, style.columns - labelWidth - countWidth - marksWidth - 6));
  const lines = shown.map(({ fromUs, toUs, count }, index) => {
    const label = `${style.hasUnicode ? '≤' : '<='} ${latencyText(toUs)}`.padStart(labelWidth);
    const bar = barOf(count / most, count > 0, barWidth, style.hasUnicode);
    const marks = Object.entries(percentilesUs)
      .filter(([, value]) => value > fromUs && (value <= toUs || index === shown.length - 1))
      .map(([percent]) => `p${percent}`);
    const text = `${label} ${style.colours.cyan(bar)} ${(counts[index] ?? '').padStart(countWidth)}`;
    return `${text}${marks.length > 0 ? `  ${style.colours.dim(marks.join(' '))}` : ''}\n`;
  });
  return lines.join('');
}

/** What is there at all is seen. */
function barOf(share: number, isThere: boolean, width: number, hasUnicode: boolean): string {
  if (!hasUnicode) return '#'.repeat(isThere ? Math.max(1, Math.round(share * width)) : 0).padEnd(width);
  const cells = isThere ? Math.max(1, Math.round(share * width * 8)) : 0;
  return `${'█'.repeat(Math.floor(cells / 8))}${eighths[cells % 8]}`.padEnd(width);
}
