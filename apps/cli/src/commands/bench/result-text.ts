/** The result for people. */
import type { CandidateResult, LoadFigures, LoadOptions, LoadReport } from '@nbdjs/load';
import { alignedRows } from '../../render/aligned-rows.ts';
import type { Colours } from '../../render/colours.ts';
import { roundedSize } from '../../render/human-size.ts';
import { latencyPicture } from '../../render/latency-picture.ts';
import { grouped, latencyText, rateText } from '../../render/load-figures.ts';
import { hasUnicode } from '../../render/map-picture.ts';
import { numberOf } from '../../render/number-of.ts';
import { printable } from '../../render/printable.ts';
import type { Terminal } from '../../terminal.ts';
import type { BenchedServer } from './benched-server.ts';
import type { BenchOptions } from './command.ts';
import { kindNames, remarks } from './remarks.ts';

/** Prints each turn, and the comparison of several servers. */
export function benchText(
  results: readonly CandidateResult[],
  servers: readonly BenchedServer[],
  load: LoadOptions,
  options: BenchOptions,
  terminal: Terminal,
): string {
  const colours = terminal.colours('stdout', options.color);
  const columns = terminal.stdout.columns || 80;
  const isOneTurn = results.length === 1 && (results[0]?.reports.length ?? 0) <= 1;
  const style = { colours, hasUnicode: hasUnicode(colours), columns };
  const turns = results.flatMap(({ name, reports }, index) => {
    const last = reports.at(-1);
    if (last === undefined) return [`${printable(name)}\nnothing was measured\n`];
    const heading = `${colours.bold(printable(name))}\n${describeLoad(load, options, servers[index])}\n`;
    const rounds = isOneTurn ? '' : `last of ${numberOf(reports.length, 'round')}: `;
    const picture = last.total.latency;
    return [
      `${heading}\n${rounds}${endText(last)}\n${figuresTable(last, colours)}${remarks(reports, colours)}` +
        (picture !== undefined && options.picture ? `\n${latencyPicture(picture, style)}` : ''),
    ];
  });
  return `${turns.join('\n')}${isOneTurn ? '' : `\n${comparison(results, colours)}`}`;
}

function describeLoad(load: LoadOptions, { connections }: BenchOptions, server: BenchedServer | undefined): string {
  const {
    pattern,
    zipfExponent,
    readShare = 1,
    trimShare = 0,
    zeroShare = 0,
    requestSize = 0,
    requestSizeMax = 0,
  } = load;
  const writes = 1 - readShare - trimShare - zeroShare;
  const shares = Object.entries({ reads: readShare, writes, trims: trimShare, zeroes: zeroShare })
    .filter(([, share]) => share > 1e-9)
    .map(([name, share]) => (share > 1 - 1e-9 ? name : `${Number((100 * share).toFixed(2))}% ${name}`));
  const sizes =
    requestSize === requestSizeMax
      ? roundedSize(requestSize)
      : `${roundedSize(requestSize)} to ${roundedSize(requestSizeMax)}`;
  const used = server?.client.abilities.multiConn === true ? connections : 1;
  return [
    `${pattern}${zipfExponent === undefined ? '' : ` ${zipfExponent}`}`,
    shares.join(', '),
    `of ${sizes}`,
    `${load.depth} in flight`,
    numberOf(used, 'connection'),
    ...(load.requestsPerSecond === undefined ? [] : [`${rateText(load.requestsPerSecond)}/s wanted`]),
    ...(load.flushEvery === undefined ? [] : [`a flush every ${numberOf(load.flushEvery, 'write')}`]),
  ]
    .join(', ')
    .replace(', of ', ' of ');
}

function endText({ end, seconds, total }: LoadReport): string {
  const done = `${numberOf(total.requests, 'request').replace(/^\d+/, (digits) => grouped(Number(digits)))} in ${seconds.toFixed(1)} s`;
  const early = { stopped: ', stopped early', error: ', ended by an error', mismatch: ', ended by a wrong content' };
  return `${done}${end in early ? early[end as keyof typeof early] : ''}`;
}

function figuresTable(report: LoadReport, colours: Colours): string {
  const kinds = Object.entries(report.kinds).map(
    ([kind, figures]) => [kindNames[kind as keyof typeof kindNames], figures] as const,
  );
  const withData = kinds.filter(([name]) => name !== 'flushes');
  const rows = [...kinds, ...(withData.length > 1 ? [['all', report.total] as const] : [])];
  const head = ['', 'per second', 'data', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max'];
  return alignedRows(
    [head.map((text) => colours.dim(text)), ...rows.map(([name, figures]) => figuresRow(name, figures))],
    { areNumbers: true },
  );
}

function figuresRow(name: string, { requestsPerSecond, bytesPerSecond, latency }: LoadFigures): string[] {
  const percentile = (percent: string): string => latencyText(latency?.percentilesUs[percent] ?? 0);
  const times =
    latency === undefined
      ? []
      : [latencyText(latency.meanUs), ...['50', '90', '99', '99.9'].map(percentile), latencyText(latency.maxUs)];
  return [name, rateText(requestsPerSecond), name === 'flushes' ? '' : `${roundedSize(bytesPerSecond)}/s`, ...times];
}

function comparison(results: readonly CandidateResult[], colours: Colours): string {
  const head = [
    'medians',
    'per second',
    'data',
    'p50',
    'p99',
    ...(results.length > 1 ? ['ratio', 'of the rounds'] : ['of the rounds']),
  ];
  const rows = results.map(({ name, reports, requestsPerSecond, bytesPerSecond, p50Us, p99Us, ratio }) => {
    const rates = reports.map(({ total }) => total.requestsPerSecond);
    const spread = reports.length === 0 ? '' : `${rateText(Math.min(...rates))} to ${rateText(Math.max(...rates))}`;
    const medians = [
      rateText(requestsPerSecond),
      `${roundedSize(bytesPerSecond)}/s`,
      ...[p50Us, p99Us].map((value) => (value === undefined ? '' : latencyText(value))),
    ];
    const ratioText = ratio === undefined ? '1' : ratio.median.toFixed(2);
    const ratios = ratio === undefined ? spread : `${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)}`;
    return [printable(name), ...medians, ...(results.length > 1 ? [ratioText, ratios] : [spread])];
  });
  return alignedRows([head.map((text) => colours.dim(text)), ...rows], { areNumbers: true });
}
