/** Values as people read them: bytes as a dump, the rest as Node shows it. */
import { inspect } from 'node:util';
import type { Colours } from '../../render/colours.ts';
import { hasColours } from '../../render/colours.ts';
import { Hexdump } from '../../render/hexdump.ts';
import { errorText } from './error-text.ts';

/** Lines of a dump at the prompt. */
const linesMax = 16;

const lineBytes = 16;

/** A value at the prompt. Long dumps are cut. */
export function valueText(value: unknown, colours: Colours): string {
  if (value instanceof Error) return errorText(value);
  // What Node shows of it is long, and says less.
  if (value instanceof Promise) return 'a promise: write await before it';
  if (!(value instanceof Uint8Array)) return inspect(value, { colors: hasColours(colours), depth: 4 });
  const shown = value.subarray(0, linesMax * lineBytes);
  const kind = `${value.constructor.name}(${value.length})`;
  const rest = value.length - shown.length;
  const more = rest > 0 ? `\n... ${rest} more bytes: hexdump() shows all` : '';
  return value.length === 0 ? kind : `${kind}\n${dumpText(shown, 0n, colours).trimEnd()}${more}`;
}

/** A value that a program prints: texts and numbers as they are. */
export function printedText(value: unknown, colours: Colours): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return dumpText(value, 0n, colours).trimEnd();
  return valueText(value, colours);
}

/** All bytes, in the layout of nbddump. */
export function dumpText(bytes: Uint8Array, offset: bigint, colours: Colours): string {
  let text = '';
  const hexdump = new Hexdump(
    offset,
    (lines) => {
      text += lines;
    },
    colours,
  );
  hexdump.write(bytes);
  hexdump.end({ isExportEnd: true });
  return text;
}
