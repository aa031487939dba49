/** `pnpm bench`: measures, and writes what was measured. `--help` says how. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { generationsWith } from '@nbdjs/peers';
import { type Choice, choose } from './cells/index.ts';
import { type BenchArguments, help, parseArguments } from './command/arguments.ts';
import type { Comparison } from './measuring/compare.ts';
import { type MeasureOptions, measureCell } from './measuring/measure-cell.ts';
import { chart } from './output/chart.ts';
import { describeMachine } from './output/machine.ts';
import { filledPage, machineText } from './output/page.ts';
import type { Report } from './output/report.ts';
import { shareOfLimit } from './output/share-of-limit.ts';
import { cellText, costTable, resultTable, textTable } from './output/table.ts';
import { Pinning } from './processes/pinning.ts';
import { stages } from './stages/index.ts';
import type { Setting } from './stages/stage.ts';

const docs = new URL('../../../docs/', import.meta.url);
const options = parseArguments(process.argv.slice(2));
if (options.isHelp) process.stdout.write(help);
else if (options.isList) list(choose(options.parts));
else await measure(options);

function list(choices: readonly Choice[]): void {
  for (const { part, cells } of choices) {
    console.log(`${part.name}: ${part.title}`);
    for (const cell of cells) console.log(`  ${cell.id.padEnd(40)} ${[cell.ours, ...cell.peers].join(', ')}`);
  }
}

async function measure(options: BenchArguments): Promise<void> {
  const choices = choose(options.parts);
  const [generation] = generationsWith(['nbdkit', 'qemu-nbd']).slice(-1);
  if (generation === undefined) throw new Error('nbdkit and qemu-nbd are needed: see tooling/peers/install.sh');
  const { rounds, seconds } = options;
  const pinning = new Pinning(options.isPinned);
  const settings = { rounds, seconds, pinning: pinning.text };
  const machine = describeMachine(generation);
  const comparisons: Comparison[] = [];
  const failures: Record<string, string> = {};
  console.log(machineText({ machine, settings, comparisons, failures }));
  for (const choice of choices) {
    const { part } = choice;
    const setting = { generation, seconds, pinning: part.isPinned ? pinning : new Pinning(false) };
    console.log(`${part.title}${part.isPinned ? '' : ' (not pinned)'}`);
    const first = comparisons.length;
    try {
      await measurePart(choice, setting, options, comparisons);
    } catch (error) {
      // What was measured before is worth being kept.
      failures[part.name] = String(error);
      console.error(`${part.name} ended early: ${error}`);
      process.exitCode = 1;
    }
    const found = comparisons.slice(first);
    console.log(`\n${textTable(resultTable(found))}\n${textTable(costTable(found))}`);
    for (const sentence of shareOfLimit(found)) console.log(sentence);
  }
  writeReport({ machine, settings, comparisons, failures }, options);
}

/** Adds what it measures to `found`. */
async function measurePart(
  { part, cells }: Choice,
  setting: Setting,
  options: MeasureOptions,
  found: Comparison[],
): Promise<void> {
  await using stage = await stages[part.name](setting);
  for (const cell of cells) {
    console.log(`  ${cellText(cell)}`);
    found.push(await measureCell(part.name, cell, (name) => stage.candidate(cell, name), options));
  }
}

function writeReport(report: Report, { json, chart: chartPath, isWritingPage }: BenchArguments): void {
  const { machine, comparisons } = report;
  const picture = (): string => chart(comparisons, `Measured on ${machine.date}.`);
  if (json !== undefined) write(json, `${JSON.stringify(report, undefined, 2)}\n`);
  if (chartPath !== undefined) write(chartPath, picture());
  if (!isWritingPage) return;
  const page = new URL('performance.md', docs);
  writeFileSync(page, filledPage(readFileSync(page, 'utf8'), report, 'performance.svg'));
  writeFileSync(new URL('performance.svg', docs), picture());
}

/** Relative to the folder in which the command was given, not to that of this package. */
function write(path: string, text: string): void {
  const target = resolve(process.env.INIT_CWD ?? '.', path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}
