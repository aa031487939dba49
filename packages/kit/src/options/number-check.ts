/** Which numbers an option accepts, and the words for that in messages. */
import type { OptionCheck } from './option-checks.ts';

export interface NumberBounds {
  /** The meaning of 0, in words that complete "0 for ..."; without it, 0 is refused. */
  readonly zero?: string | undefined;
  /** The least value, apart from a 0 that has a meaning. @default 1; for milliseconds, anything above 0 */
  readonly least?: number | undefined;
  /** The greatest value. @default no bound */
  readonly most?: number | undefined;
}

/** `milliseconds` may be fractions. */
export type NumberKind = 'whole' | 'power of two' | 'milliseconds';

export function numberCheck(kind: NumberKind, bounds: NumberBounds): OptionCheck {
  const { zero, least = kind === 'milliseconds' ? Number.MIN_VALUE : 1, most = Number.MAX_VALUE } = bounds;
  return {
    expected: inWords(kind, bounds),
    holds: (value) => {
      if (typeof value !== 'number') return false;
      return value === 0 ? zero !== undefined : value >= least && value <= most && isOfKind(kind, value);
    },
  };
}

function isOfKind(kind: NumberKind, value: number): boolean {
  if (kind === 'milliseconds') return Number.isFinite(value);
  return Number.isSafeInteger(value) && (kind === 'whole' || Number.isInteger(Math.log2(value)));
}

function inWords(kind: NumberKind, { zero, least, most }: NumberBounds): string {
  const noun = { whole: 'a whole number', 'power of two': 'a power of two', milliseconds: 'a number of milliseconds' }[
    kind
  ];
  const isZeroApart = zero !== undefined && least !== undefined && least > 1;
  const from = isZeroApart || zero === undefined ? (least ?? 1) : 0;
  const end = most === undefined ? 'on' : undefined;
  const range =
    kind === 'milliseconds' && least === undefined && zero === undefined
      ? 'above 0'
      : `from ${from} ${end ?? `to ${most}`}`;
  return `${isZeroApart ? '0 or ' : ''}${noun} ${range}`;
}
