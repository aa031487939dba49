/** `nbd map --watch`: what changes while a device is being written to. */
import type { ExtentCells } from '@nbdjs/kit';
import { wait } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { compactJson } from '../../render/exact-json.ts';
import { roundedSize } from '../../render/human-size.ts';
import { mapPicture, type PictureLayout, pictureLayout } from '../../render/map-picture.ts';
import { lookOf, type MapPanel } from '../../render/map-styles.ts';
import { type CellChange, changedRuns, totalChanges } from './changes.ts';
import { type MapJob, readPanels, titleOf } from './panels.ts';

/** Where changes are printed as lines, the device is divided into so many cells at most. */
const lineCells = 65_536;

/** Shows the maps after one look at the device. */
interface Show {
  readonly cellsMax: number;
  show(panels: readonly MapPanel[], before: readonly MapPanel[] | undefined, seconds: number): Promise<void>;
}

/** Looks at the device every `intervalSeconds` until the program is interrupted; then says what has changed in all. */
export async function watchMap(job: MapJob, intervalSeconds: number): Promise<void> {
  const { terminal } = job;
  const view = terminal.stdout.isTTY && job.options.json !== true ? pictureView(job) : lineView(job);
  const startMs = performance.now();
  const secondsNow = (): number => (performance.now() - startMs) / 1000;
  let first: readonly MapPanel[] | undefined;
  let before: readonly MapPanel[] | undefined;
  try {
    for (;;) {
      const panels = await readPanels(job, view.cellsMax);
      await view.show(panels, before, secondsNow());
      first ??= panels;
      before = panels;
      await wait(systemClock, intervalSeconds * 1000, { signal: terminal.signal });
    }
  } finally {
    if (first !== undefined && before !== undefined) noteSum(job, first, before, secondsNow());
  }
}

/** On a terminal the picture is drawn again in place, with inverted cells where something has changed. */
function pictureView(job: MapJob): Show {
  const { terminal, options, contexts } = job;
  const { columns = 80, rows = 24 } = terminal.stdout;
  const layout: PictureLayout = pictureLayout({ columns, rows: rows - contexts.length }, contexts.length);
  const colours = terminal.colours('stdout', options.color);
  let drawnRows = 0;
  return {
    cellsMax: layout.cellsMax,
    async show(panels, before, seconds) {
      const marked = panels.map(({ cells }, index) => markedCells(cells, before?.[index]?.cells));
      const changes = panels.map((panel, index) => {
        const words =
          before === undefined ? '' : changeWords(panel.context, totalChanges(before[index]?.cells, panel.cells));
        return `  ${contexts.length === 1 ? '' : `${panel.context}: `}${words === '' ? 'no change' : words}\n`;
      });
      const picture = mapPicture(panels, layout, { colours, marked });
      const title = `${titleOf(job)}  after ${seconds.toFixed(1)} s`;
      const text = `${title}\n\n${picture}\n${changes.join('')}`;
      const back = drawnRows === 0 ? '' : `\x1b[${drawnRows}A\r\x1b[J`;
      drawnRows = text.split('\n').length - 1;
      await terminal.print(back + text);
    },
  };
}

function markedCells(cells: ExtentCells, before: ExtentCells | undefined): ReadonlySet<number> {
  const marked = new Set<number>();
  if (before === undefined) return marked;
  for (const { first, count } of changedRuns(before, cells)) {
    for (let cell = first; cell < first + count; cell++) marked.add(cell);
  }
  return marked;
}

/** Elsewhere there is one line for each part that has changed. */
function lineView({ terminal, options, contexts }: MapJob): Show {
  return {
    cellsMax: lineCells,
    async show(panels, before, seconds) {
      if (before === undefined) return;
      let text = '';
      panels.forEach(({ context, cells }, index) => {
        for (const { offset, length, changes } of changedRuns(before[index]?.cells ?? cells, cells)) {
          if (options.json === true) {
            const named = changes.map(({ status, bytes }) => [lookOf(context, status).name, bytes]);
            const members = { seconds: Number(seconds.toFixed(3)), context, offset, length };
            text += `${compactJson({ ...members, changes: Object.fromEntries(named) })}\n`;
          } else {
            const name = contexts.length === 1 ? '' : `${context}: `;
            text += `${seconds.toFixed(1).padStart(8)} s  ${String(offset).padStart(10)}  ${String(length).padStart(10)}  ${name}${changeWords(context, changes)}\n`;
          }
        }
      });
      if (text !== '') await terminal.print(text);
    },
  };
}

function changeWords(context: string, changes: readonly CellChange[]): string {
  return changes
    .map(
      ({ status, bytes }) => `${lookOf(context, status).name} ${bytes < 0 ? '-' : '+'}${roundedSize(Math.abs(bytes))}`,
    )
    .join(', ');
}

function noteSum({ terminal }: MapJob, first: readonly MapPanel[], last: readonly MapPanel[], seconds: number): void {
  const words = last.flatMap(({ context, cells }, index) => {
    const change = changeWords(context, totalChanges(first[index]?.cells, cells));
    return change === '' ? [] : [`${context}: ${change}`];
  });
  terminal.note(`nbd: watched for ${seconds.toFixed(1)} s; ${words.length === 0 ? 'no change' : words.join('; ')}`);
}
