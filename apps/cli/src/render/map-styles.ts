/** How the statuses of a block map look in pictures: colours and characters. */
import { baseAllocation } from '@nbdjs/interfaces';
import { type ExtentCells, isAbsence, statusName } from '@nbdjs/kit';
import type { Style } from './colours.ts';

/** The status of a row of `ExtentCells`. */
export type CellStatus = bigint | undefined;

/** One map in a picture. */
export interface MapPanel {
  readonly context: string;
  readonly cells: ExtentCells;
}

/** How one status looks. */
export interface StatusLook {
  readonly status: CellStatus;
  readonly name: string;
  /** A place in the palettes; `undefined` where there is nothing to see, such as a hole. */
  readonly hue: number | undefined;
  /** ASCII characters, from a cell with little of it to one that is full of it. */
  readonly letters: string;
}

/** Colours of a terminal, by hue. */
export const terminalHues: readonly Style[] = ['cyan', 'yellow', 'magenta', 'green', 'blue', 'red'];

/** Colours of a page, by hue: those of Okabe and Ito, which people who do not see all colours tell apart. */
export const pageHues: readonly string[] = ['#0072b2', '#e69f00', '#cc79a7', '#009e73', '#56b4e9', '#d55e00'];

/** From a little to all of a cell, in ASCII. */
export const shadeLetters = ':+*#';
const dirtyHue = 5;

/** Returns how a status looks. */
export function lookOf(context: string, status: CellStatus): StatusLook {
  if (status === undefined) return { status, name: 'other statuses', hue: 3, letters: '?' };
  const name = statusName(context, status) ?? `status ${status}`;
  if (isAbsence(context, status)) return { status, name, hue: undefined, letters: '.' };
  return { status, name, ...present(context, status) };
}

function present(context: string, status: bigint): Pick<StatusLook, 'hue' | 'letters'> {
  if (context === baseAllocation) {
    if (status === 0n) return { hue: 0, letters: shadeLetters };
    if (status === 1n) return { hue: 2, letters: 'hH' };
    if (status === 2n) return { hue: 1, letters: 'zZ' };
  }
  const isBitmap = statusName(context, status) === 'dirty';
  if (status === 1n) return { hue: isBitmap ? dirtyHue : 0, letters: shadeLetters };
  return { hue: Number((status - 1n) % BigInt(terminalHues.length)), letters: (status % 36n).toString(36) };
}

/** What one cell consists of. */
export interface CellLook {
  /** How much of the cell there is something to see in, from 0 to 1. */
  readonly share: number;
  /** The status that most of that has; `undefined` where there is nothing to see. */
  readonly main: StatusLook | undefined;
}

/** Returns the looks of the statuses that a map has, in ascending order. */
export function looksOf({ context, cells }: MapPanel): readonly StatusLook[] {
  return cells.totals.map(({ status }) => lookOf(context, status));
}

/** Returns what a cell consists of. */
export function cellLook({ cells }: MapPanel, looks: readonly StatusLook[], cell: number): CellLook {
  let seenBytes = 0;
  let mainBytes = 0;
  let main: StatusLook | undefined;
  for (const look of looks) {
    if (look.hue === undefined) continue;
    const bytes = cells.bytesOf(cell, look.status);
    seenBytes += bytes;
    if (bytes <= mainBytes) continue;
    mainBytes = bytes;
    main = look;
  }
  return { share: Math.min(1, seenBytes / Number(cells.rangeOf(cell).length)), main };
}
