/** Colours, or none. */
import { createRequire } from 'node:module';
import type picocolors from 'picocolors';

type Style = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'reset';

export type Colours = Pick<ReturnType<typeof picocolors.createColors>, Style>;

const plain: Colours = { bold: String, cyan: String, dim: String, green: String, red: String, reset: String };

/** Colours for a stream: as the options say, else on a terminal unless the environment forbids it (`NO_COLOR`, `TERM=dumb`). */
export function coloursFor(stream: { readonly isTTY?: boolean }, wanted: boolean | undefined): Colours {
  const { NO_COLOR, TERM } = process.env;
  const natural = stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
  if (!(wanted ?? natural)) return plain;
  // Loading it looks at standard output, which commands that print nothing there must leave alone.
  const { createColors } = createRequire(import.meta.url)('picocolors') as typeof picocolors;
  return createColors(true);
}
