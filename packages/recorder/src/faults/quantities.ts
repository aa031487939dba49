/** Numbers with units in fault rules. */
import type { FaultRange } from './rule.ts';

const sizeUnits = ['', 'k', 'm', 'g', 't', 'p', 'e'];
const timeUnits: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/** No delay is longer than what timers can count, in milliseconds. */
const delayMsMax = 2 ** 31 - 1;

/** A number of bytes: `512`, `64k`, `1M`, `4GiB`. */
function parseSize(text: string): bigint {
  const [, digits, unit = ''] = /^(\d+)([kmgtpe]?)(?:i?b)?$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`'${text}' is no size such as 512, 64k or 1M`);
  return BigInt(digits) << BigInt(10 * sizeUnits.indexOf(unit));
}

/** Two sizes with `..` between them, of which one can be left out. */
export function parseRange(text: string): FaultRange {
  const [from, to, ...more] = text.split('..');
  if (from === undefined || to === undefined || more.length > 0 || `${from}${to}` === '') {
    throw new Error(`'${text}' is no range such as 0..1M, 64k.. or ..512`);
  }
  const range = { ...(from === '' ? {} : { from: parseSize(from) }), ...(to === '' ? {} : { to: parseSize(to) }) };
  if ('from' in range && 'to' in range && (range.to ?? 0n) <= (range.from ?? 0n)) {
    throw new Error(`the range '${text}' is empty`);
  }
  return range;
}

/** A time in milliseconds: `50ms`, `2s`, `100us`, `1m`. */
export function parseTime(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(us|ms|s|m)$/.exec(text) ?? [];
  const ms = Number(digits) * (timeUnits[unit] ?? Number.NaN);
  if (!(ms <= delayMsMax)) throw new Error(`'${text}' is no time such as 50ms, 2s or 100us`);
  return ms;
}

/** A whole number that is not less than `least`. */
export function parseWhole(text: string, least: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least)) throw new Error(`'${text}' is no whole number from ${least} on`);
  return number;
}
