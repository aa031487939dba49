/** Latencies as a picture. */
import { expect, it } from 'vitest';
import { coloursFor } from './colours.ts';
import { latencyPicture } from './latency-picture.ts';
import { grouped, latencyText, rateText } from './load-figures.ts';

const summary = {
  count: 1111,
  minUs: 40,
  meanUs: 80,
  maxUs: 900,
  deviationUs: 20,
  percentilesUs: { '50': 100, '99': 400, '99.9': 900 },
  buckets: [
    { fromUs: 32, toUs: 64, count: 100 },
    { fromUs: 64, toUs: 128, count: 1000 },
    { fromUs: 128, toUs: 256, count: 0 },
    { fromUs: 256, toUs: 512, count: 10 },
    { fromUs: 512, toUs: 1024, count: 1 },
  ],
};
const plain = coloursFor({}, false);

it('has a bar for each bucket, a trace of what is rare, and the percentiles where they are', () => {
  expect(latencyPicture(summary, { colours: plain, hasUnicode: true, columns: 60 })).toBe(
    [
      ' ≤ 64.0 µs █▌                100',
      '  ≤ 128 µs ███████████████ 1 000  p50',
      '  ≤ 256 µs                     0',
      '  ≤ 512 µs ▏                  10  p99',
      ' ≤ 1.02 ms ▏                   1  p99.9',
      '',
    ].join('\n'),
  );
});

it('is plain where the terminal is', () => {
  const text = latencyPicture(summary, { colours: plain, hasUnicode: false, columns: 60 });
  expect(text).toMatch(/^ <= 128 µs #{15} 1 000 {2}p50$/m);
});

it('figures have three digits', () => {
  expect([0.111, 9.995, 87.34, 999.9, 1000, 123_456, 99_960, 2.5e6].map(latencyText)).toEqual([
    '0.11 µs',
    '10.0 µs',
    '87.3 µs',
    '1000 µs',
    '1.00 ms',
    '123 ms',
    '100 ms',
    '2.50 s',
  ]);
  expect([0.5, 12, 999.6, 1_234_567].map(rateText)).toEqual(['0.5', '12', '1 000', '1 234 567']);
  expect(grouped(1000)).toBe('1 000');
});
