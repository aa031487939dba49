import { describe, expect, it } from 'vitest';
import { chart } from '../src/output/chart.ts';
import { figureText, shortBytes, shortNumber } from '../src/output/numbers.ts';
import { filledPage } from '../src/output/page.ts';
import type { Report } from '../src/output/report.ts';
import { shareOfLimit } from '../src/output/share-of-limit.ts';
import { cellText, costTable, markdownTable, resultTable, textTable } from '../src/output/table.ts';
import { comparisonOf, readCell } from './support/comparisons.ts';

const met = comparisonOf([210_000, 205_000, 208_000], [100_000, 100_000, 100_000]);
const missed = comparisonOf([150_000, 150_000], [100_000, 100_000], {
  cell: { ...readCell, depth: 16 },
  calls: { nbdjs: { client: 0.5 } },
  skipped: { other: 'not installed' },
});

describe('numbers', () => {
  it('have three digits that count', () => {
    expect([0.1234, 9.994, 9.996, 12.34, 99.96, 1234, 12_345, 1_234_567, 2.5e9].map(shortNumber)).toEqual([
      '0.12',
      '9.99',
      '10.0',
      '12.3',
      '100',
      '1234',
      '12.3k',
      '1.23M',
      '2.50G',
    ]);
    expect(shortNumber(Number.NaN)).toBe('-');
  });

  it('of bytes are in powers of 1024', () => {
    expect([100, 1536, 3 * 2 ** 20, 2 ** 31, Number.NaN].map(shortBytes)).toEqual([
      '100 B',
      '1.50 KiB',
      '3.00 MiB',
      '2.00 GiB',
      '-',
    ]);
    expect(figureText('bytesPerConnection', 65_536)).toBe('64.0 KiB');
    expect(figureText('seconds', 65_536)).toBe('65.5k');
  });
});

describe('the table', () => {
  it('has a line for each figure and each candidate that was skipped', () => {
    expect(textTable(resultTable([met, missed]))).toBe(
      [
        'what                  figure      ours  peer    theirs  ratio  quartiles    aim            verdict',
        'client: read 4k x 64  requests/s  208k  libnbd  100k    2.08   2.06 - 2.09  at least 2.00  met',
        'client: read 4k x 16  requests/s  150k  libnbd  100k    1.50   1.50 - 1.50  at least 2.00  missed',
        '                                        other                                              skipped: not installed',
        '',
      ].join('\n'),
    );
  });

  it('is Markdown on a page', () => {
    expect(markdownTable(resultTable([met]))).toBe(
      [
        '| what | figure | ours | peer | theirs | ratio | quartiles | aim | verdict |',
        '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
        '| client: read 4k x 64 | requests/s | 208k | libnbd | 100k | 2.08 | 2.06 - 2.09 | at least 2.00 | met |',
        '',
      ].join('\n'),
    );
  });

  it('has what requests and bytes cost on each side', () => {
    const { columns, rows } = costTable([missed]);
    const [row = []] = rows;
    expect(Object.fromEntries(columns.map((column, index) => [column, row[index]]))).toEqual({
      what: 'client: read 4k x 16',
      candidate: 'nbdjs',
      side: 'client',
      'processor s/GB': '1.22',
      'processor s/M requests': '5.00',
      'switches/1000 requests': '2.00',
      forced: '0.10',
      'system calls/request': '0.50',
      'collections/M requests': '50.0',
      'heap B/request': '800',
      'loop busy': '75 %',
      'peak memory': '64.0 MiB',
    });
    expect(rows[1]?.[7]).toBe('not measured');
  });

  it('names connections and devices where they matter', () => {
    expect(cellText({ ...readCell, connections: 1, deviceBytes: 2 ** 40 })).toBe(
      'client: read 4k x 64, 1 connection, device of 1T',
    );
    expect(cellText({ ...readCell, connections: 1000 })).toBe('client: read 4k x 64, 1000 connections');
  });
});

describe('the share of the limit', () => {
  it('is a sentence for each cell of the whole path', () => {
    const cell = { ...readCell, blockBytes: 262_144 };
    expect(shareOfLimit([met, comparisonOf([90, 90], [100, 100], { part: 'whole-path', cell })])).toEqual([
      'Reads of 256k at depth 64 reach 90 % of libnbd.',
    ]);
  });
});

describe('the chart', () => {
  const cell = { ...readCell, aims: [{ figure: 'seconds', peer: 'libnbd', bound: 0.5 } as const] };
  const picture = chart([met, missed, comparisonOf([100, 200], [100, 100], { part: 'copies', cell })], 'Of <today>.');

  it('is well-formed', () => {
    const open: string[] = [];
    for (const [, end, name = '', self] of picture.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)) {
      if (end === '/') expect(open.pop()).toBe(name);
      else if (self !== '/') open.push(name);
    }
    expect(open).toEqual([]);
    expect(picture).toContain('Of &lt;today>.');
  });

  it('has a line for each ratio with an aim, and a title for each part', () => {
    for (const label of ['client', 'copies', 'client: read 4k x 64 / libnbd', '2.08', '1.50']) {
      expect(picture).toContain(`>${label}</text>`);
    }
  });

  it('shows on the right what is better, also where less is', () => {
    const taking = (seconds: number) => comparisonOf([1e6 / seconds, 1e6 / seconds], [1e6, 1e6], { cell });
    const both = chart([taking(0.5), taking(0.4)], '');
    const [slow = 0, fast = 0] = [...both.matchAll(/<circle cx="([\d.]+)" cy="(?!68)/g)].map(([, x]) => Number(x));
    expect(fast).toBeGreaterThan(slow);
  });

  it('can be made of nothing', () => {
    expect(chart([], '')).not.toContain('NaN');
  });
});

describe('the page', () => {
  const report: Report = {
    machine: {
      date: '2026-01-02',
      processors: '2 x Fast',
      memoryBytes: 2 ** 34,
      kernel: '6.1',
      node: 'v20.1.0',
      programs: { fio: '3.33' },
    },
    settings: { rounds: 2, seconds: 3, pinning: 'off (switched off)' },
    comparisons: [met],
    failures: {},
  };
  const names = ['machine', 'results', 'limit', 'costs'];
  const page = [
    '# Title',
    ...names.map((name) => `<!-- measured: ${name} -->\nold\n<!-- end: ${name} -->`),
    'end',
  ].join('\n');

  it('gets what was measured between its markers, and keeps the rest', () => {
    const filled = filledPage(page, report, 'chart.svg');
    expect(filled).not.toContain('old');
    expect(filled).toMatch(
      /^# Title\n<!-- measured: machine -->\nMeasured on 2026-01-02: 2 x Fast, 16.0 GiB, Linux 6.1,\n/,
    );
    expect(filled).toContain('](chart.svg)');
    expect(filled).toContain('| client: read 4k x 64 | requests/s |');
    expect(filled.endsWith('<!-- end: costs -->\nend')).toBe(true);
    expect(filledPage(filled, report, 'chart.svg')).toBe(filled);
  });

  it('needs a place for everything', () => {
    expect(() => filledPage('# Title', report, 'chart.svg')).toThrow("a place 'machine' was expected, got none");
  });
});
