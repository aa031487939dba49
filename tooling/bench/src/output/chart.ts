/** The ratios that have an aim, as a picture: how many times better than the peer nbdjs is, on a logarithmic axis. */
import { figures } from '../measuring/cell.ts';
import type { Comparison, Row, Verdict } from '../measuring/compare.ts';
import { cellText } from './table.ts';

const width = 1040;
const rowHeight = 20;
const plot = { left: 470, right: 960, top: 96 } as const;

const styles: Readonly<Record<Verdict, { readonly colour: string; readonly text: string }>> = {
  met: { colour: '#1a7f37', text: 'aim met' },
  missed: { colour: '#cf222e', text: 'aim missed' },
  disturbed: { colour: '#6e7781', text: 'disturbed: no verdict' },
  'too few rounds': { colour: '#6e7781', text: 'too few rounds: no verdict' },
  'no aim': { colour: '#6e7781', text: 'no aim' },
};

/** How many times better than the peer, whichever way the figure goes. */
interface Bar {
  readonly label: string;
  readonly low: number;
  readonly median: number;
  readonly high: number;
  readonly aim: number;
  readonly verdict: Verdict;
}

type Line = { readonly title: string } | Bar;

/** An SVG that needs nothing else, on a ground of its own, so that it can be read on dark pages as well. */
export function chart(comparisons: readonly Comparison[], caption: string): string {
  const lines = linesOf(comparisons);
  const bars = lines.filter((line): line is Bar => 'median' in line);
  const exponents = bars.flatMap(({ low, high, aim }) => [low, high, aim].map(Math.log2)).filter(Number.isFinite);
  const from = Math.floor(Math.min(-1, ...exponents));
  const to = Math.ceil(Math.max(1, ...exponents));
  const x = (ratio: number): number =>
    rounded(plot.left + ((Math.log2(ratio) - from) / (to - from)) * (plot.right - plot.left));
  const bottom = plot.top + lines.length * rowHeight;
  const height = bottom + 36;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#1f2328">`,
    '<title>nbdjs beside other NBD software: how many times better nbdjs is, for each cell of the table</title>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(16, 26, 'nbdjs beside other NBD software', 'font-size="16" font-weight="bold"'),
    text(16, 46, `How many times better nbdjs is: right of 1 it is better. ${caption}`, 'fill="#59636e"'),
    ...legend(68),
    ...Array.from({ length: to - from + 1 }, (_, index) => tick(x(2 ** (from + index)), 2 ** (from + index), bottom)),
    ...lines.map((line, index) => drawn(line, plot.top + (index + 0.5) * rowHeight, x)),
    '</svg>\n',
  ].join('\n');
}

function linesOf(comparisons: readonly Comparison[]): readonly Line[] {
  const lines: Line[] = [];
  let part = '';
  for (const comparison of comparisons) {
    const bars = comparison.rows.flatMap((row) => barOf(comparison, row));
    if (bars.length > 0 && comparison.part !== part) lines.push({ title: comparison.part });
    if (bars.length > 0) part = comparison.part;
    lines.push(...bars);
  }
  return lines;
}

function barOf({ cell }: Comparison, { figure, ratio, bound, peer, verdict }: Row): readonly Bar[] {
  if (ratio === undefined || bound === undefined) return [];
  const { isMoreBetter, title } = figures[figure];
  const advantage = (value: number): number => (isMoreBetter ? value : 1 / value);
  const [low, high] = isMoreBetter ? [ratio.low, ratio.high] : [ratio.high, ratio.low];
  const isPlain = figure === 'requestsPerSecond' || figure === 'seconds';
  return [
    {
      label: `${cellText(cell)}${isPlain ? '' : `, ${title}`} / ${peer}`,
      low: advantage(low),
      median: advantage(ratio.median),
      high: advantage(high),
      aim: advantage(bound),
      verdict,
    },
  ];
}

function drawn(line: Line, y: number, x: (ratio: number) => number): string {
  if ('title' in line) return text(16, y + 4, line.title, 'font-weight="bold"');
  const { colour } = styles[line.verdict];
  return [
    text(plot.left - 12, y + 4, line.label, 'text-anchor="end"'),
    `<path d="M${x(line.aim)} ${y - 8}v16" stroke="#1f2328" stroke-width="2"/>`,
    `<path d="M${x(line.low)} ${y}H${x(line.high)}" stroke="${colour}" stroke-width="3"/>`,
    mark(x(line.median), y, line.verdict),
    text(plot.right + 16, y + 4, line.median.toFixed(2), `fill="${colour}"`),
  ].join('');
}

/** Different shapes, for readers who do not tell the colours apart. */
function mark(x: number, y: number, verdict: Verdict): string {
  const { colour } = styles[verdict];
  if (verdict === 'missed') return `<path d="M${x} ${y - 6}l6 6l-6 6l-6 -6z" fill="${colour}"/>`;
  const fill = verdict === 'met' ? colour : '#ffffff';
  return `<circle cx="${x}" cy="${y}" r="5" fill="${fill}" stroke="${colour}" stroke-width="2"/>`;
}

function legend(y: number): readonly string[] {
  const verdicts = ['met', 'missed', 'disturbed'] as const;
  return [
    ...verdicts.flatMap((verdict, index) => [
      mark(22 + index * 130, y, verdict),
      text(34 + index * 130, y + 4, styles[verdict].text),
    ]),
    `<path d="M444 ${y - 8}v16" stroke="#1f2328" stroke-width="2"/>`,
    text(452, y + 4, 'the aim'),
    `<path d="M520 ${y}h24" stroke="#6e7781" stroke-width="3"/>`,
    text(550, y + 4, 'half of the rounds'),
  ];
}

function tick(x: number, ratio: number, bottom: number): string {
  const isOne = ratio === 1;
  const line = `<path d="M${x} ${plot.top}V${bottom}" stroke="${isOne ? '#59636e' : '#d1d9e0'}"/>`;
  return line + text(x, bottom + 18, ratio < 1 ? `1/${1 / ratio}` : `${ratio}`, 'text-anchor="middle" fill="#59636e"');
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}"${attributes === '' ? '' : ` ${attributes}`}>${escaped}</text>`;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
