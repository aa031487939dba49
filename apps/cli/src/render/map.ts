/** Block maps as text and JSON, in nbdinfo's columns. */
import { AllocationStatus, baseAllocation, type Extent } from '@nbdjs/interfaces';
import { dirtyBitmapPrefix, statusName } from '@nbdjs/kit';
import type { Colours } from './colours.ts';
import { compactJson } from './exact-json.ts';
import { decimals, significant } from './rounding.ts';

type Paint = (text: string, colours: Colours) => string;

interface Description {
  readonly text: string;
  readonly paint: Paint;
}

/** How a line about a status is painted. */
function paintOf(context: string, status: bigint): Paint {
  if (context === baseAllocation) return status === 0n ? (text, { bold }) => bold(text) : String;
  if (context.startsWith(dirtyBitmapPrefix)) return (text, { green, red }) => (status === 0n ? green : red)(text);
  return (text, { bold, dim }) => (status === 0n ? text : status === 1n ? bold(text) : dim(text));
}

/** What a status means in its context, or `undefined` when that is not known. */
function describeStatus(context: string, status: bigint): Description | undefined {
  const text = statusName(context, status);
  return text === undefined ? undefined : { text, paint: paintOf(context, status) };
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

/** One object per extent, in a list. `isForQemu`: with the members that `qemu-img map` prints, too. */
export function mapJson(context: string, { isForQemu = false } = {}): MapFormat {
  const isBoth = isForQemu && context === baseAllocation;
  const endings = new Endings((status) => {
    const own = { type: status, description: statusName(context, status) };
    const members = compactJson(isBoth ? { ...own, ...qemuMembers(status) } : own);
    // nbdinfo puts no blank at the end of these.
    return { before: '', after: members.replace(/^\{(.*) \}$/, '$1}') };
  });
  let isFirst = true;
  const line = (offset: bigint, length: bigint, { after }: Ending): string => {
    const before = isFirst ? '[\n' : ',\n';
    isFirst = false;
    const start = isBoth ? ` "start": ${digits(offset)},` : '';
    return `${before}{ "offset": ${digits(offset)},${start} "length": ${digits(length)},${after}`;
  };
  const format = formatOf(endings, line);
  return { ...format, end: () => `${format.end()}${isFirst ? '[]\n' : '\n]\n'}` };
}

/** What `qemu-img map` says of an extent of an NBD server: the top layer is all that it sees. */
function qemuMembers(status: bigint) {
  return { depth: 0, present: true, ...zeroAndData(status) };
}

/** A status of `base:allocation` in the words of `qemu-img map`. */
export function zeroAndData(status: bigint) {
  const isZero = (status & BigInt(AllocationStatus.Zero)) !== 0n;
  const isHole = (status & BigInt(AllocationStatus.Hole)) !== 0n;
  return { zero: isZero, data: !isHole };
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
