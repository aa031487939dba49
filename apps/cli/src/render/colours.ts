/** Colours, or none. */
import picocolors from 'picocolors';

export type Colours = ReturnType<typeof picocolors.createColors>;

/** Colours for a stream: as told, else on a terminal unless the environment (`NO_COLOR`, `TERM=dumb`) objects. */
export function coloursFor(stream: { readonly isTTY?: boolean }, wanted: boolean | undefined): Colours {
  const { NO_COLOR, TERM } = process.env;
  const natural = stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
  return picocolors.createColors(wanted ?? natural);
}
