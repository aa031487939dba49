/** The pieces of a read, for a caller who wants to know them. */
import type { ReadOptions } from '@nbdjs/interfaces';

/** Tells a caller of a read which parts are holes, in ascending order, and that the others are data. */
export function reportChunks(
  holes: (readonly [from: number, to: number])[],
  length: number,
  onChunk: NonNullable<ReadOptions['onChunk']>,
): void {
  let position = 0;
  const report = (type: 'data' | 'hole', to: number): void => {
    if (to > position) onChunk({ type, position, length: to - position });
    position = Math.max(position, to);
  };
  for (const [from, to] of holes.sort(([one], [other]) => one - other)) {
    report('data', from);
    report('hole', to);
  }
  report('data', length);
}
