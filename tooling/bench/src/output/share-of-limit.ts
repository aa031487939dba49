/** Which share of the limit our whole path reaches, in a sentence. */

import { wholePath } from '../cells/whole-path.ts';
import { sizeText } from '../measuring/cell.ts';
import type { Comparison } from '../measuring/compare.ts';

/** For each cell of the whole path that was measured; empty when none was. */
export function shareOfLimit(comparisons: readonly Comparison[]): readonly string[] {
  return comparisons
    .filter(({ part }) => part === wholePath.name)
    .map(({ cell, rows }) => {
      const shares = rows.flatMap(({ ratio, peer }) =>
        ratio === undefined ? [] : [`${(100 * ratio.median).toFixed(0)} % of ${peer}`],
      );
      return `Reads of ${sizeText(cell.blockBytes ?? 0)} at depth ${cell.depth} reach ${shares.join(', ')}.`;
    });
}
