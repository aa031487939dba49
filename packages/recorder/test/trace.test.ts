/** Traces: filters and figures. */
import { describe, expect, it } from 'vitest';
import {
  type Exchange,
  ExchangeCollector,
  eventText,
  MessageCollector,
  TraceFilter,
  type TraceFilterOptions,
  TraceStatistics,
  traceText,
} from '../src/index.ts';
import { LatencyHistogram } from '../src/trace/latency-histogram.ts';
import { type Through, throughProxy } from './through-proxy.ts';
import { pattern } from './transcripts.ts';

/** Two connections, of which one has failures. */
async function session(): Promise<Through> {
  const through = await throughProxy({ rules: ['connection 2: read: error EIO'], payload: 'hash' });
  const one = await through.connect();
  await one.write(0, pattern(1000));
  for (let index = 0; index < 10; index++) await one.readBytes(4096 * index, 4096);
  await one.flush();
  await one.close();
  const two = await through.connect();
  await two.readBytes(65_536, 512).catch(() => {});
  await two.close();
  await expect.poll(() => through.ends.length).toBe(2);
  return through;
}

function exchangesOf({ entries }: Through): Exchange[] {
  const list: Exchange[] = [];
  const exchanges = new ExchangeCollector((exchange) => list.push(exchange));
  const messages = new MessageCollector((message) => exchanges.add(message));
  for (const entry of entries) messages.add(entry);
  return list;
}

describe('a trace', () => {
  it('has each request with its answer', async () => {
    await using through = await session();
    const exchanges = exchangesOf(through);
    expect(exchanges).toHaveLength(12);
    expect(exchanges[1]).toMatchObject({
      connection: 1,
      command: 'READ',
      request: { length: 4096n },
      chunks: expect.any(Number),
    });
    expect(exchanges[1]?.dataBytes).toBeGreaterThan(0);
    expect(exchanges.every(({ latency }) => latency >= 0)).toBe(true);
  });

  it('is filtered', async () => {
    await using through = await session();
    const count = (options: TraceFilterOptions): number => {
      const filter = new TraceFilter(options);
      return exchangesOf(through).filter((exchange) => filter.takesExchange(exchange)).length;
    };
    expect(count({})).toBe(12);
    expect(count({ commands: ['read'] })).toBe(10);
    expect(count({ commands: ['READ', 'flush'] })).toBe(11);
    expect(count({ commands: ['read'], offset: { from: 4096n, to: 8193n } })).toBe(2);
    expect(count({ offset: { to: 1n } })).toBe(3);
    expect(count({ connections: [2] })).toBe(0);
    expect(count({ slowerMs: 100_000 })).toBe(0);
    expect(count({ slowerMs: 0.001 })).toBeGreaterThan(0);
    expect(() => new TraceFilter({ commands: ['reed'] })).toThrow(
      "there is no command 'reed', expected one of READ, WRITE",
    );
  });

  it('has figures', async () => {
    await using through = await session();
    const statistics = new TraceStatistics();
    for (const exchange of exchangesOf(through)) statistics.add(exchange);
    const { commands, duration } = statistics.figures;
    expect(duration).toBeGreaterThan(0);
    expect(commands.map(({ command, requests, errors }) => [command, requests, errors])).toEqual([
      ['READ', 10, 0],
      ['WRITE', 1, 0],
      ['FLUSH', 1, 0],
    ]);
    expect(commands[0]).toMatchObject({ bytes: 40_960n, lengths: [4096n, 4096n], sequential: 0.9 });
  });

  it('is shown in lines', async () => {
    await using through = await session();
    const lines: string[] = [];
    const collector = new MessageCollector((message) => lines.push(traceText(message)));
    for (const entry of through.entries) {
      collector.add(entry);
      const event = eventText(entry);
      if (event !== undefined) lines.push(event);
    }
    const bare = lines.map((line) => line.replace(/^ *\d+\.\d{6} /, ''));
    expect(bare).toContain('#1 - connected: memory to memory');
    expect(bare).toContain('#1 > READ cookie=8589934592 offset=0 length=4096');
    expect(bare).toContain('#2 ! error EIO (connection 2: read: error EIO)');
    expect(
      bare.some((line) =>
        /^#1 > WRITE cookie=\d+ offset=0 length=1000 flags=PAYLOAD_LEN sha256=[0-9a-f]{16}$/.test(line),
      ),
    ).toBe(true);
    expect(bare.at(-1)).toBe('#2 - closed');
  });
});

it('percentiles are exact to one percent', () => {
  const histogram = new LatencyHistogram();
  for (let value = 1; value <= 100_000; value++) histogram.add(value);
  for (const percent of [1, 50, 90, 99, 99.9]) {
    expect(Math.abs(histogram.percentile(percent) / (percent * 1000) - 1)).toBeLessThan(0.01);
  }
  expect(histogram.percentile(100)).toBe(100_000);
  expect([histogram.least, histogram.most, histogram.mean]).toEqual([1, 100_000, 50_000.5]);
  const small = new LatencyHistogram();
  for (const value of [0, 3, 3, 7]) small.add(value);
  expect([50, 75, 100].map((percent) => small.percentile(percent))).toEqual([3, 3, 7]);
});
