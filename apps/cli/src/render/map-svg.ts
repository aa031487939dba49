/** Block maps as a picture for pages and documents: SVG that needs nothing else, in light and dark. */
import { exactSize, roundedSize } from './human-size.ts';
import { looksOf, type MapPanel, pageHues, type StatusLook } from './map-styles.ts';
import { printable } from './printable.ts';
import { decimals } from './rounding.ts';

/** How many cells the maps of an SVG have. */
export const svgLayout = { cellsPerRow: 128, cellsMax: 128 * 32 } as const;

const cellWidth = 6;
const rowHeight = 14;
const rowGap = 3;
const margin = 24;
const labelWidth = 72;
const lineHeight = 20;
const pictureWidth = svgLayout.cellsPerRow * cellWidth;

const css = `
    .paper { fill: #ffffff } .ink { fill: #222222 } .faint { fill: #666666 } .hole { fill: #ececec }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #16181c } .ink { fill: #e8e8e8 } .faint { fill: #a0a0a0 } .hole { fill: #2c3036 }
    }
    text { font: 13px system-ui, sans-serif } .label { font: 11px ui-monospace, monospace; text-anchor: end } .title { font-size: 16px }
`;

/** Draws maps of the same part of a device, one below the other. `name` is what the title says. */
export function mapSvg(panels: readonly MapPanel[], name: string): string {
  let y = margin + lineHeight;
  let body = text(margin, y, 'title ink', printable(name));
  const [first] = panels;
  if (first !== undefined) {
    y += lineHeight;
    const { offset, length, cellBytes } = first.cells;
    const part = offset === 0n ? '' : ` from ${exactSize(offset)} on`;
    const cell = `one cell is ${exactSize(cellBytes)}, a row ${exactSize(cellBytes * BigInt(svgLayout.cellsPerRow))}`;
    const height = 'the height of a colour is its share of a cell';
    body += text(margin, y, 'faint', `${roundedSize(Number(length))}${part}, ${cell}; ${height}`);
  }
  for (const panel of panels) {
    y += lineHeight * 1.5;
    body += text(margin, y, 'ink', printable(panel.context));
    y += 10;
    body += drawRows(panel, y);
    y += Math.ceil(panel.cells.count / svgLayout.cellsPerRow) * (rowHeight + rowGap) + 8;
    for (const line of legendLines(panel)) {
      y += lineHeight;
      body += line(y);
    }
  }
  const width = margin + labelWidth + pictureWidth + margin;
  const height = Math.ceil(y + margin);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
  <title>${escaped(printable(`Block map of ${name}`))}</title>
  <style>${css}  </style>
  <rect class="paper" width="100%" height="100%"/>
${body}</svg>
`;
}

function drawRows(panel: MapPanel, top: number): string {
  const { cells } = panel;
  const looks = looksOf(panel);
  let body = '';
  for (let first = 0, row = 0; first < cells.count; first += svgLayout.cellsPerRow, row++) {
    const y = top + row * (rowHeight + rowGap);
    const end = Math.min(first + svgLayout.cellsPerRow, cells.count);
    body += text(margin + labelWidth - 8, y + rowHeight - 3, 'label faint', exactSize(cells.rangeOf(first).offset));
    body += `  <rect class="hole" x="${margin + labelWidth}" y="${y}" width="${(end - first) * cellWidth}" height="${rowHeight}"/>\n`;
    for (let cell = first; cell < end; ) {
      const run = cellRun(panel, looks, cell, end);
      const x = margin + labelWidth + (cell - first) * cellWidth;
      body += drawCells(panel, run, x, y, cell);
      cell += run.count;
    }
  }
  return body;
}

/** A status and its share of a cell. */
interface Part {
  readonly look: StatusLook;
  readonly share: number;
}

/** Cells beside each other that look the same. */
interface CellRun {
  readonly parts: readonly Part[];
  readonly count: number;
}

function cellRun(panel: MapPanel, looks: readonly StatusLook[], first: number, end: number): CellRun {
  const parts = partsOf(panel, looks, first);
  const key = keyOf(parts);
  let count = 1;
  while (first + count < end && keyOf(partsOf(panel, looks, first + count)) === key) count++;
  return { parts, count };
}

/** What there is to see in a cell, from the bottom to the top. */
function partsOf({ cells }: MapPanel, looks: readonly StatusLook[], cell: number): readonly Part[] {
  const length = Number(cells.rangeOf(cell).length);
  return looks.flatMap((look) => {
    const share = cells.bytesOf(cell, look.status) / length;
    return look.hue === undefined || share === 0 ? [] : [{ look, share }];
  });
}

function keyOf(parts: readonly Part[]): string {
  return parts.map(({ look, share }) => `${look.status}:${share}`).join(' ');
}

/** The shares of a cell are heights, and each is high enough to be seen. */
function drawCells({ cells }: MapPanel, { parts, count }: CellRun, x: number, y: number, first: number): string {
  if (parts.length === 0) return '';
  const { offset } = cells.rangeOf(first);
  const last = cells.rangeOf(first + count - 1);
  const words = parts
    .map(({ look, share }) => `${decimals(share * 100, share < 0.1 ? 2 : 0)} % ${look.name}`)
    .join(', ');
  let bottom = y + rowHeight;
  let body = `  <g><title>${escaped(`${offset} to ${last.offset + last.length}: ${words}`)}</title>`;
  for (const { look, share } of parts) {
    const height = Math.max(1, Math.round(share * rowHeight * 10) / 10);
    const top = Math.max(y, Math.round((bottom - height) * 10) / 10);
    body += `<rect x="${x}" y="${top}" width="${count * cellWidth}" height="${Math.round((bottom - top) * 10) / 10}" fill="${pageHues[look.hue ?? 0]}"/>`;
    bottom = top;
  }
  return `${body}</g>\n`;
}

function legendLines(panel: MapPanel): readonly ((y: number) => string)[] {
  const { cells } = panel;
  const looks = looksOf(panel);
  return cells.totals.map(({ bytes, extents }, index) => (y: number) => {
    const { hue, name } = looks[index] as StatusLook;
    const x = margin + labelWidth;
    const paint = hue === undefined ? 'class="hole"' : `fill="${pageHues[hue]}"`;
    const share = decimals((100 * Number(bytes)) / Number(cells.length), 1);
    const figures = `${roundedSize(Number(bytes))}, ${share} %, ${extents} ${extents === 1 ? 'extent' : 'extents'}`;
    return `  <rect ${paint} x="${x}" y="${y - 11}" width="12" height="12"/>\n${text(x + 20, y, 'ink', name)}${text(x + 160, y, 'faint', figures)}`;
  });
}

function text(x: number, y: number, classes: string, words: string): string {
  return `  <text x="${x}" y="${y}" class="${classes}">${escaped(words)}</text>\n`;
}

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
