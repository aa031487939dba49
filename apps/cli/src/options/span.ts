/** Ranges in one word on the command line: two sizes with `..` between them. */
import { argumentError } from '../errors/argument-error.ts';
import { parseSize } from './size.ts';

/** From the first byte to before the last; without a bound, to any. */
export interface ByteRange {
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
}

/** Makes the parser of an option whose value is a range: `0..1M`, `64k..`, `..512`. */
export function span(option: string): (text: string) => ByteRange {
  return (text) => {
    const [from, to, ...more] = text.split('..');
    if (from === undefined || to === undefined || more.length > 0 || `${from}${to}` === '') {
      throw argumentError(`${option}: '${text}' is not a range such as 0..1M, 64k.. or ..512`);
    }
    const first = from === '' ? undefined : parseSize(from, option);
    const last = to === '' ? undefined : parseSize(to, option);
    if (last !== undefined && last <= (first ?? 0n)) throw argumentError(`${option}: the range '${text}' is empty`);
    return { from: first, to: last };
  };
}
