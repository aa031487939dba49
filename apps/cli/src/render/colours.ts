/** Colours, or none. */
import { createRequire } from 'node:module';
import type picocolors from 'picocolors';

export type Colours = ReturnType<typeof picocolors.createColors>;

const require = createRequire(import.meta.url);

/** Colours for a stream: as the options say, else on a terminal unless the environment forbids it (`NO_COLOR`, `TERM=dumb`). */
export function coloursFor(stream: { readonly isTTY?: boolean }, wanted: boolean | undefined): Colours {
  const { NO_COLOR, TERM } = process.env;
  const natural = stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
  // Loading it looks at standard output, which commands that print nothing there must leave alone.
  const { createColors } = require('picocolors') as typeof picocolors;
  return createColors(wanted ?? natural);
}
