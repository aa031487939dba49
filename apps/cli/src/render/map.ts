/** Block maps as text and JSON, in nbdinfo's columns. */
import { allocationDepth, type Extent } from '@nbdjs/interfaces';
import type { Colours } from './colours.ts';
import { compactJson } from './exact-json.ts';
import { decimals, significant } from './rounding.ts';

type Paint = (text: string, colours: Colours) => string;

interface Description {
  readonly text: string;
  readonly paint: Paint;
}

const plain: Paint = (text) => text;
const allocation: readonly Description[] = [
  { text: 'data', paint: (text, colours) => colours.bold(text) },
  { text: 'hole', paint: plain },
  { text: 'zero', paint: plain },
  { text: 'hole,zero', paint: plain },
];
const dirtyBitmap: readonly Description[] = [
  { text: 'clean', paint: (text, colours) => colours.green(text) },
  { text: 'dirty', paint: (text, colours) => colours.red(text) },
];

/** What a status means in its context, or nothing when the context is not a known one. */
function describeStatus(context: string, status: bigint): Description | undefined {
  if (context === 'base:allocation') return allocation[Number(status)];
  if (context.startsWith('qemu:dirty-bitmap:')) return dirtyBitmap[Number(status)];
  if (context !== allocationDepth) return undefined;
  if (status === 0n) return { text: 'absent', paint: plain };
  if (status === 1n) return { text: 'local', paint: (text, colours) => colours.bold(text) };
  return { text: `backing depth ${status}`, paint: (text, colours) => colours.dim(text) };
}

/** One line per extent. */
export function mapText(context: string, extents: readonly Extent[], colours: Colours): string {
  return extents
    .map(({ offset, length, status }) => {
      const description = describeStatus(context, status);
      const line = `${column(offset, 10)}  ${column(length, 10)}  ${column(status, 3)}`;
      return description === undefined
        ? `${line}\n`
        : `${description.paint(`${line}  ${description.text}`, colours)}\n`;
    })
    .join('');
}

/** One object per extent. */
export function mapJson(context: string, extents: readonly Extent[]): string {
  return jsonLines(
    extents.map(({ offset, length, status }) =>
      compactJson({ offset, length, type: status, description: describeStatus(context, status)?.text }),
    ),
  );
}

/** Bytes per status, in ascending order of status. */
export type Totals = ReadonlyMap<bigint, bigint>;

export function totalsText(context: string, totals: Totals, size: bigint, colours: Colours): string {
  return ascending(totals)
    .map(([status, bytes]) => {
      const description = describeStatus(context, status);
      const line = `${column(bytes, 10)} ${decimals(percent(bytes, size), 1).padStart(5)}% ${column(status, 3)}`;
      return description === undefined ? `${line}\n` : `${description.paint(`${line} ${description.text}`, colours)}\n`;
    })
    .join('');
}

export function totalsJson(context: string, totals: Totals, size: bigint): string {
  return jsonLines(
    ascending(totals).map(([status, bytes]) =>
      compactJson({
        size: bytes,
        // nbdinfo prints six significant digits.
        percent: Number(significant(percent(bytes, size), 6)),
        type: status,
        description: describeStatus(context, status)?.text,
      }),
    ),
  );
}

function jsonLines(lines: readonly string[]): string {
  return lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`;
}

function ascending(totals: Totals): readonly (readonly [bigint, bigint])[] {
  return [...totals].sort(([one], [other]) => (one < other ? -1 : 1));
}

function percent(part: bigint, whole: bigint): number {
  return (100 * Number(part)) / Number(whole);
}

function column(value: bigint, width: number): string {
  return value.toString().padStart(width);
}
