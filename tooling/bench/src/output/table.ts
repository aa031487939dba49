/** The results as tables: for a terminal, and for a page. */
import { type Cell, figures, sizeText } from '../measuring/cell.ts';
import type { Comparison, Row } from '../measuring/compare.ts';
import { costsOf } from './costs.ts';
import { figureText, shortBytes, shortNumber } from './numbers.ts';

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What is compared with whom, and how it ends. */
export function resultTable(comparisons: readonly Comparison[]): Table {
  return {
    columns: ['what', 'figure', 'ours', 'peer', 'theirs', 'ratio', 'quartiles', 'aim', 'verdict'],
    rows: comparisons.flatMap((comparison) => [
      ...comparison.rows.map((row) => [cellText(comparison.cell), ...resultFields(row)]),
      ...Object.entries(comparison.skipped).map(([peer, reason]) => [
        cellText(comparison.cell),
        ...['', '', peer, '', '', '', ''],
        `skipped: ${reason}`,
      ]),
    ]),
  };
}

/** What it costs on both sides: medians of all runs. */
export function costTable(comparisons: readonly Comparison[]): Table {
  return {
    columns: [
      'what',
      'candidate',
      'side',
      'processor s/GB',
      'processor s/M requests',
      'switches/1000 requests',
      'forced',
      'system calls/request',
      'collections/M requests',
      'heap B/request',
      'loop busy',
      'peak memory',
    ],
    rows: comparisons.flatMap((comparison) =>
      costsOf(comparison).map((cost) => [
        cellText(comparison.cell),
        cost.candidate,
        cost.side,
        shortNumber(cost.processorSecondsPerGb),
        shortNumber(cost.processorSecondsPerMillion),
        shortNumber(cost.voluntaryPerThousand),
        shortNumber(cost.involuntaryPerThousand),
        cost.calls === undefined ? 'not measured' : shortNumber(cost.calls),
        shortNumber(cost.collectionsPerMillion),
        shortNumber(cost.heapBytesPerRequest),
        Number.isFinite(cost.busyShare) ? `${(100 * cost.busyShare).toFixed(0)} %` : '-',
        shortBytes(cost.peakBytes),
      ]),
    ),
  };
}

/** Columns in a terminal; no rows give no text. */
export function textTable({ columns, rows: all }: Table): string {
  if (all.length === 0) return '';
  const rows = withoutRepetitions(all);
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    widths
      .map((width, index) => (row[index] ?? '').padEnd(width))
      .join('  ')
      .trimEnd();
  return [line(columns), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

/** The same in Markdown. */
export function markdownTable({ columns, rows }: Table): string {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |\n`;
  return [columns, columns.map(() => '---'), ...withoutRepetitions(rows)].map(line).join('');
}

/** What a row is about stands only in the first of several. */
function withoutRepetitions(rows: Table['rows']): Table['rows'] {
  return rows.map((row, index) => (row[0] === rows[index - 1]?.[0] ? ['', ...row.slice(1)] : row));
}

export function cellText({ path, operation, blockBytes, depth, connections, deviceBytes }: Cell): string {
  return [
    `${path}: ${operation}`,
    blockBytes === undefined ? '' : ` ${sizeText(blockBytes)}`,
    depth === undefined ? '' : ` x ${depth}`,
    connections === undefined ? '' : `, ${connections} connection${connections === 1 ? '' : 's'}`,
    deviceBytes === undefined ? '' : `, device of ${sizeText(deviceBytes)}`,
  ].join('');
}

function resultFields({ figure, ours, peer = '', theirs, ratio, bound, verdict }: Row): readonly string[] {
  const { title, isMoreBetter } = figures[figure];
  const value = (number: number): string => (ratio === undefined ? figureText(figure, number) : number.toFixed(2));
  const shown = ratio ?? ours;
  return [
    title,
    figureText(figure, ours.median),
    peer,
    theirs === undefined ? '' : figureText(figure, theirs.median),
    ratio === undefined ? '' : ratio.median.toFixed(2),
    `${value(shown.low)} - ${value(shown.high)}`,
    bound === undefined ? '' : `${isMoreBetter ? 'at least' : 'at most'} ${value(bound)}`,
    verdict,
  ];
}
