/** Block maps as a picture in the terminal: one character for each cell. */
import { stripVTControlCharacters } from 'node:util';
import { type Colours, hasColours } from './colours.ts';
import { exactSize, roundedSize } from './human-size.ts';
import { cellLook, looksOf, type MapPanel, type StatusLook, shadeLetters, terminalHues } from './map-styles.ts';
import { decimals } from './rounding.ts';

/** The room that a picture has. */
export interface PictureSize {
  /** Characters in a line of the terminal. */
  readonly columns: number;
  /** Lines of the terminal. */
  readonly rows: number;
}

/** How many cells the maps of a picture have. */
export interface PictureLayout {
  readonly cellsPerRow: number;
  readonly cellsMax: number;
  /** Maps that stand beside each other. */
  readonly panelsPerLine: number;
}

/** Labels such as `1023.5G` are shorter. */
const labelWidth = 10;
const gapWidth = 2;
const cellsPerRowMin = 16;
const cellsPerRowMax = 128;
const pictureRowsMax = 16;
const pictureRowsMin = 4;
/** Title, heading, scale and blank lines, and three lines of the legend. */
const otherRows = 10;

const shades = '░▒▓█';
const nothing = { unicode: '·', ascii: '.' } as const;

/** Divides the room among maps of so many contexts. Rows have a power of two cells, so that they begin at round places. */
export function pictureLayout({ columns, rows }: PictureSize, contexts: number): PictureLayout {
  const room = Math.max(columns - labelWidth, cellsPerRowMin);
  const fits = (cells: number, panels: number): boolean => panels * (cells + gapWidth) <= room;
  let panelsPerLine = contexts;
  while (panelsPerLine > 1 && !fits(cellsPerRowMin, panelsPerLine)) panelsPerLine--;
  let cellsPerRow = cellsPerRowMin;
  while (cellsPerRow < cellsPerRowMax && fits(2 * cellsPerRow, panelsPerLine)) cellsPerRow *= 2;
  const pictureRows = Math.min(pictureRowsMax, Math.max(pictureRowsMin, rows - otherRows - contexts));
  return { cellsPerRow, cellsMax: cellsPerRow * pictureRows, panelsPerLine };
}

/** How a picture is drawn. */
export interface PictureStyle {
  readonly colours: Colours;
  /** Cells that are drawn inverted, by panel. */
  readonly marked?: readonly ReadonlySet<number>[] | undefined;
}

/** Draws maps of the same part of a device. */
export function mapPicture(panels: readonly MapPanel[], layout: PictureLayout, style: PictureStyle): string {
  const drawn = panels.map((panel, index) => drawPanel(panel, layout.cellsPerRow, style, style.marked?.[index]));
  let picture = '';
  for (let first = 0; first < drawn.length; first += layout.panelsPerLine) {
    picture += besideEachOther(drawn.slice(first, first + layout.panelsPerLine), layout.cellsPerRow);
  }
  return `${picture}\n${scale(panels[0] as MapPanel, layout, style)}\n${panels.map((panel) => legend(panel, panels.length > 1, style)).join('')}`;
}

type Paint = (text: string) => string;

interface DrawnPanel {
  readonly context: string;
  readonly labels: readonly string[];
  readonly lines: readonly string[];
}

function drawPanel(
  panel: MapPanel,
  cellsPerRow: number,
  { colours }: PictureStyle,
  marked: ReadonlySet<number> | undefined,
): DrawnPanel {
  const { cells, context } = panel;
  const looks = looksOf(panel);
  const labels: string[] = [];
  const lines: string[] = [];
  for (let first = 0; first < cells.count; first += cellsPerRow) {
    labels.push(exactSize(cells.rangeOf(first).offset));
    const end = Math.min(first + cellsPerRow, cells.count);
    lines.push(drawRow(panel, looks, first, end, colours, marked));
  }
  return { context, labels, lines };
}

/** Cells of one colour beside each other are painted together. */
function drawRow(
  panel: MapPanel,
  looks: readonly StatusLook[],
  first: number,
  end: number,
  colours: Colours,
  marked: ReadonlySet<number> | undefined,
): string {
  let line = '';
  let run = '';
  let runKey = '';
  let paintRun: Paint = String;
  for (let cell = first; cell < end; cell++) {
    const { share, main } = cellLook(panel, looks, cell);
    const isMarked = marked?.has(cell) === true;
    const key = `${main?.hue} ${isMarked}`;
    if (key !== runKey) {
      line += run === '' ? '' : paintRun(run);
      run = '';
      runKey = key;
      const paint = paintOf(main, colours);
      paintRun = isMarked ? (text) => colours.inverse(paint(text)) : paint;
    }
    run += main === undefined ? signOfNothing(colours) : characterOf(main, share, colours);
  }
  return line + paintRun(run);
}

function characterOf({ letters }: StatusLook, share: number, colours: Colours): string {
  const levels = hasUnicode(colours) ? shades : letters;
  return levels[Math.min(levels.length, Math.max(1, Math.ceil(share * levels.length))) - 1] as string;
}

function paintOf(look: StatusLook | undefined, colours: Colours): Paint {
  return look?.hue === undefined ? colours.dim : colours[terminalHues[look.hue] ?? 'reset'];
}

/** A terminal that is plain gets plain characters, and so does one whose locale has no others. */
export function hasUnicode(colours: Colours): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  return hasColours(colours) && !/^(C|POSIX)$/.test(LC_ALL || LC_CTYPE || LANG || '');
}

function besideEachOther(panels: readonly DrawnPanel[], cellsPerRow: number): string {
  const heading = panels.map(({ context }) => shortened(context, cellsPerRow).padEnd(cellsPerRow + gapWidth));
  const lines = [`${' '.repeat(labelWidth)}${heading.join('').trimEnd()}`];
  const [first] = panels;
  first?.labels.forEach((label, row) => {
    const parts = panels.map(({ lines }) => padded(lines[row] ?? '', cellsPerRow + gapWidth));
    lines.push(`${label.padStart(labelWidth - gapWidth)}${' '.repeat(gapWidth)}${parts.join('').trimEnd()}`);
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** The name of a bitmap stands at the end, so that the start is what is left out. */
function shortened(text: string, width: number): string {
  return text.length <= width ? text : `...${text.slice(text.length - width + 3)}`;
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stripVTControlCharacters(text).length));
}

function scale({ cells }: MapPanel, { cellsPerRow }: PictureLayout, { colours }: PictureStyle): string {
  const levels = [...(hasUnicode(colours) ? shades : shadeLetters)].join(' ');
  const row = exactSize(cells.cellBytes * BigInt(cellsPerRow));
  return `  a character is ${exactSize(cells.cellBytes)}, a row ${row};  ${levels}  up to a quarter, half, three quarters, all of it\n`;
}

/** One line for each status: its look, bytes, share and number of extents. */
function legend(panel: MapPanel, isNamed: boolean, { colours }: PictureStyle): string {
  const { cells, context } = panel;
  const looks = looksOf(panel);
  const lines = cells.totals.map(({ bytes, extents }, index) => {
    const look = looks[index] as StatusLook;
    const sign = look.hue === undefined ? signOfNothing(colours) : characterOf(look, 1, colours);
    const share = decimals((100 * Number(bytes)) / Number(cells.length), 1);
    const figures = `${roundedSize(Number(bytes)).padStart(9)}  ${share.padStart(5)} %  ${extents} ${extents === 1 ? 'extent' : 'extents'}`;
    const indent = isNamed ? '    ' : '  ';
    return `${indent}${paintOf(look, colours)(sign)} ${look.name.padEnd(16)}${figures}\n`;
  });
  return `${isNamed ? `  ${context}\n` : ''}${lines.join('')}`;
}

function signOfNothing(colours: Colours): string {
  return hasUnicode(colours) ? nothing.unicode : nothing.ascii;
}
