/** What was measured, put into docs/performance.md between its markers. */
import { shortBytes } from './numbers.ts';
import type { Report } from './report.ts';
import { shareOfLimit } from './share-of-limit.ts';
import { costTable, markdownTable, resultTable } from './table.ts';

/** The page with the parts that are measured; all else stays as it is. */
export function filledPage(page: string, report: Report, chartFile: string): string {
  const pieces: Readonly<Record<string, string>> = {
    machine: machineText(report),
    results: `![How many times better than its peers nbdjs is](${chartFile})\n\n${markdownTable(resultTable(report.comparisons))}`,
    limit: shareOfLimit(report.comparisons)
      .map((sentence) => `- ${sentence}\n`)
      .join(''),
    costs: markdownTable(costTable(report.comparisons)),
  };
  return Object.entries(pieces).reduce((text, [name, piece]) => withPiece(text, name, piece), page);
}

/** What it was measured on, in one paragraph. */
export function machineText({ machine, settings }: Report): string {
  const programs = Object.entries(machine.programs).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured on ${machine.date}: ${machine.processors}, ${shortBytes(machine.memoryBytes)}, Linux ${machine.kernel},`,
    `Node ${machine.node}, ${programs.join(', ')}.`,
    `${settings.rounds} rounds of ${settings.seconds} s. Pinning: ${settings.pinning}.\n`,
  ].join('\n');
}

/** @throws Error when the page has no place for it */
function withPiece(page: string, name: string, piece: string): string {
  const place = new RegExp(`(<!-- measured: ${name} -->\\n)[\\s\\S]*?(<!-- end: ${name} -->)`);
  if (!place.test(page)) throw new Error(`docs/performance.md: a place '${name}' was expected, got none`);
  return page.replace(place, (_whole, start: string, end: string) => `${start}${piece}${end}`);
}
