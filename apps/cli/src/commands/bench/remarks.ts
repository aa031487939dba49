/** What has to be known beside the figures: failures, requests without answers, delays, and contents. */
import type { ContentMismatch, LoadReport } from '@nbdjs/load';
import type { Colours } from '../../render/colours.ts';
import { roundedSize } from '../../render/human-size.ts';
import { grouped, latencyText } from '../../render/load-figures.ts';
import { numberOf } from '../../render/number-of.ts';
import { printable } from '../../render/printable.ts';

/** The kinds of requests in the plural. */
export const kindNames = { read: 'reads', write: 'writes', trim: 'trims', zero: 'zeroes', flush: 'flushes' } as const;

/** Beginning later than this is worth a word, in microseconds. */
const delayUsMin = 1000;

/** Lines about some rounds of one server. */
export function remarks(reports: readonly LoadReport[], colours: Colours): string {
  const lines = reports.flatMap((report, index) => {
    const round = reports.length > 1 ? `round ${index + 1}: ` : '';
    return [
      ...troubles(report).map((text) => colours.red(`${round}${text}`)),
      ...facts(report).map((text) => `${round}${text}`),
    ];
  });
  return lines.map((line) => `${line}\n`).join('');
}

function troubles({ errors, unfinished, notBegun, mismatch }: LoadReport): string[] {
  return [
    ...errors.map(
      ({ kind, code, count, message }) =>
        `${grouped(count)} ${kindNames[kind]} failed with ${code}: ${printable(message)}`,
    ),
    ...(unfinished > 0 ? [`${numberOf(unfinished, 'request')} got no answer`] : []),
    ...(notBegun > 0 ? [`${grouped(notBegun)} requests did not begin: there was no room for them (--depth)`] : []),
    ...(mismatch === undefined ? [] : mismatchLines(mismatch)),
  ];
}

function facts({ delays, verifiedBytes }: LoadReport): string[] {
  const p99 = delays?.percentilesUs['99'] ?? 0;
  return [
    ...(delays !== undefined && p99 > delayUsMin
      ? [
          `requests began late, which is part of the latencies: p99 ${latencyText(p99)}, at most ${latencyText(delays.maxUs)}`,
        ]
      : []),
    ...(verifiedBytes > 0 ? [`${roundedSize(verifiedBytes)} were checked`] : []),
  ];
}

function mismatchLines({ offset, expected, got, generation, found }: ContentMismatch): string[] {
  const wanted = generation === 0 ? 'zeroes' : `write ${generation}`;
  return [
    `wrong content at byte ${offset}: expected ${wanted}, found ${foundText(found)}`,
    `  expected ${hexBytes(expected)}`,
    `  got      ${hexBytes(got)}`,
  ];
}

function foundText(found: ContentMismatch['found']): string {
  switch (found.type) {
    case 'zeroes':
      return 'zeroes';
    case 'older':
      return `write ${found.generation} of this place`;
    case 'misplaced':
      return `write ${found.generation}, which belongs to byte ${found.offset}`;
    case 'other-load':
      return `what a load with the seed ${found.seed} has written`;
    case 'damaged':
      return 'that write, with bytes that have changed';
    case 'unknown':
      return 'something that this load has not written';
  }
}

function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
