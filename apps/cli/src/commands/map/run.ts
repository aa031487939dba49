/** `nbd map`: the block map of a device as a picture, a list or sums. */
import { writeFile } from 'node:fs/promises';
import { type BlockDevice, baseAllocation, UsageError } from '@nbdjs/interfaces';
import { withTls } from '../../connecting/client-tls.ts';
import { openReadable } from '../../connecting/open-readable.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { systemErrorOf } from '../../errors/one-line.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { describeOperand, type ReadableOperand } from '../../options/operand.ts';
import { rangeOf } from '../../options/range.ts';
import { mapPicture, pictureLayout } from '../../render/map-picture.ts';
import { mapSvg, svgLayout } from '../../render/map-svg.ts';
import type { MapOptions } from './command.ts';
import { printList } from './list.ts';
import { type MapJob, readPanels, titleOf } from './panels.ts';
import { printTotals } from './totals.ts';
import { watchMap } from './watch.ts';

export async function run(
  { terminal }: CommandContext,
  options: MapOptions,
  operand: ReadableOperand,
): Promise<number> {
  requireCompatible(options);
  const { context: contexts = [baseAllocation] } = options;
  const { device, leave, layers } = await openReadable(withTls(operand, options), options, terminal, { contexts });
  await using _ = leave;
  const name = describeOperand(operand);
  requireContexts(device, name, contexts, options.mode);
  const range = rangeOf(device.geometry.size, options);
  const job: MapJob = { device, name: shownName(name, options), contexts, layers, range, options, terminal };
  if (options.watch !== undefined) await watchMap(job, options.watch);
  else if (options.svg !== undefined) await writeSvg(job, options.svg);
  else if (options.totals === true) await printTotals(job);
  else if (options.list === true || options.json === true) await printList(job);
  else await printPicture(job);
  return 0;
}

/** Pictures of the snapshots and partitions of one device have titles of their own. */
function shownName(name: string, { snapshotName, partition }: MapOptions): string {
  const snapshot = snapshotName === undefined ? '' : `, snapshot ${snapshotName}`;
  return `${name}${snapshot}${partition === undefined ? '' : `, partition ${partition}`}`;
}

function requireCompatible({ context = [], list, totals, svg, watch, json }: MapOptions): void {
  const forms = [
    list === true && '--list',
    totals === true && '--totals',
    svg !== undefined && '--svg',
    watch !== undefined && '--watch',
  ].filter((form) => form !== false);
  if (forms.length > 1) throw argumentError(`${forms.join(' and ')} cannot be used together`);
  if (json === true && svg !== undefined) throw argumentError('--json and --svg cannot be used together');
  const repeated = context.find((name, index) => context.indexOf(name) !== index);
  if (repeated !== undefined) throw argumentError(`--context: '${repeated}' is given twice`);
}

function requireContexts(
  device: BlockDevice,
  name: string,
  contexts: readonly string[],
  mode: string | undefined,
): void {
  const missing = contexts.find((context) => !device.abilities.contexts.includes(context));
  if (missing === undefined) return;
  const reason = mode === 'simple' ? ' with --mode simple: block maps need structured replies' : '';
  throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${name}: there is no metadata context "${missing}"${reason}`);
}

async function printPicture(job: MapJob): Promise<void> {
  const { terminal, options, contexts } = job;
  const { columns = 80, rows = 24 } = terminal.stdout;
  const layout = pictureLayout({ columns, rows }, contexts.length);
  const panels = await readPanels(job, layout.cellsMax);
  const colours = terminal.colours('stdout', options.color);
  await terminal.print(`${titleOf(job)}\n\n${mapPicture(panels, layout, { colours })}`);
}

async function writeSvg(job: MapJob, file: string): Promise<void> {
  const svg = mapSvg(await readPanels(job, svgLayout.cellsMax), job.name);
  if (file === '-') return await job.terminal.print(svg);
  try {
    await writeFile(file, svg);
  } catch (error) {
    throw systemErrorOf(file, error);
  }
}
