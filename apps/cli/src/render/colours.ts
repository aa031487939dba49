/** Colours, or none. */
import { createRequire } from 'node:module';
import type picocolors from 'picocolors';

const styles = ['blue', 'bold', 'cyan', 'dim', 'green', 'inverse', 'magenta', 'red', 'reset', 'yellow'] as const;

export type Style = (typeof styles)[number];

export type Colours = Pick<ReturnType<typeof picocolors.createColors>, Style>;

const plain = Object.fromEntries(styles.map((style) => [style, String])) as unknown as Colours;

/** Returns whether these are colours, and not none. */
export function hasColours(colours: Colours): boolean {
  return colours !== plain;
}

/** Colours for a stream: as the options say, else on a terminal unless the environment forbids it (`NO_COLOR`, `TERM=dumb`). */
export function coloursFor(stream: { readonly isTTY?: boolean }, wanted: boolean | undefined): Colours {
  const { NO_COLOR, TERM } = process.env;
  const natural = stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
  if (!(wanted ?? natural)) return plain;
  // Loading it looks at standard output, which commands that print nothing there must leave alone.
  const { createColors } = createRequire(import.meta.url)('picocolors') as typeof picocolors;
  return createColors(true);
}
