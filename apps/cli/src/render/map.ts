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

/** Formats the pieces of a map one after the other: a map may be too long to be kept in memory. */
export interface MapFormat {
  /** Extents that follow on those before; neighbours of one status are merged. */
  add(extents: readonly Extent[]): string;
  end(): string;
}

/** One line per extent. */
export function mapText(context: string, colours: Colours): MapFormat {
  const endings = new Endings((status) => {
    const description = describeStatus(context, status);
    if (description === undefined) return { before: '', after: `  ${column(status, 3)}\n` };
    // The paint goes around the line, of which only the end is known here.
    const [before = '', after = ''] = description.paint('\0', colours).split('\0');
    return { before, after: `  ${column(status, 3)}  ${description.text}${after}\n` };
  });
  return formatOf(
    endings,
    (offset, length, { before, after }) => `${before}${column(offset, 10)}  ${column(length, 10)}${after}`,
  );
}

/** One object per extent, in a list. */
export function mapJson(context: string): MapFormat {
  const endings = new Endings((status) => {
    const members = compactJson({ type: status, description: describeStatus(context, status)?.text });
    // nbdinfo puts no blank at the end of these.
    return { before: '', after: members.replace(/^\{(.*) \}$/, '$1}') };
  });
  let isFirst = true;
  const line = (offset: bigint, length: bigint, { after }: Ending): string => {
    const before = isFirst ? '[\n' : ',\n';
    isFirst = false;
    return `${before}{ "offset": ${digits(offset)}, "length": ${digits(length)},${after}`;
  };
  const format = formatOf(endings, line);
  return { ...format, end: () => `${format.end()}${isFirst ? '[]\n' : '\n]\n'}` };
}

/** The text around the numbers of an extent. */
interface Ending {
  readonly before: string;
  readonly after: string;
}

/** Most maps have few statuses, so that most of a line is there already. */
class Endings {
  readonly #make: (status: bigint) => Ending;
  readonly #known = new Map<bigint, Ending>();

  constructor(make: (status: bigint) => Ending) {
    this.#make = make;
  }

  of(status: bigint): Ending {
    const known = this.#known.get(status);
    if (known !== undefined) return known;
    const made = this.#make(status);
    // A server can send any number of different statuses.
    if (this.#known.size < 64) this.#known.set(status, made);
    return made;
  }
}

function formatOf(endings: Endings, line: (offset: bigint, length: bigint, ending: Ending) => string): MapFormat {
  /** Its successor may have the same status. */
  let last: Extent | undefined;
  const finished = ({ offset, length, status }: Extent): string => line(offset, length, endings.of(status));
  return {
    add(extents) {
      let text = '';
      for (const extent of extents) {
        if (last === undefined || last.status !== extent.status) {
          if (last !== undefined) text += finished(last);
          last = extent;
        } else {
          last = { offset: last.offset, length: last.length + extent.length, status: last.status };
        }
      }
      return text;
    },
    end: () => (last === undefined ? '' : finished(last)),
  };
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
  return digits(value).padStart(width);
}

/** Numbers become digits several times as fast as bigints do. */
function digits(value: bigint): string {
  return value <= Number.MAX_SAFE_INTEGER ? String(Number(value)) : String(value);
}
