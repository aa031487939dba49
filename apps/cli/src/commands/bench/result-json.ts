/** The result for programs. The fields are documented in the README of the command line. */
import type { CandidateResult, LoadFigures, LoadOptions, LoadReport } from '@nbdjs/load';
import { exactJson, type JsonValue } from '../../render/exact-json.ts';
import type { BenchOptions } from './command.ts';

export function benchJson(
  results: readonly CandidateResult[],
  load: LoadOptions,
  { connections }: BenchOptions,
): string {
  const { signal: _, onProgress: __, progressMs: ___, ...parameters } = load;
  return `${exactJson({
    load: { ...parameters, connections } as JsonValue,
    servers: results.map(({ name, reports, ratio, ...medians }) => ({
      server: name,
      medians,
      ratio: ratio === undefined ? undefined : { ...ratio },
      rounds: reports.map(reportJson),
    })),
  })}\n`;
}

function reportJson(report: LoadReport): JsonValue {
  const { error, mismatch, kinds, total, delays, errors, ...figures } = report;
  return {
    ...figures,
    error: error?.message,
    total: figuresJson(total),
    kinds: Object.fromEntries(Object.entries(kinds).map(([kind, one]) => [kind, figuresJson(one)])),
    errors: errors.map((one) => ({ ...one })),
    delays: delays as JsonValue | undefined,
    mismatch:
      mismatch === undefined
        ? undefined
        : {
            ...mismatch,
            expected: Buffer.from(mismatch.expected).toString('hex'),
            got: Buffer.from(mismatch.got).toString('hex'),
            found: { ...mismatch.found },
          },
  };
}

function figuresJson({ latency, ...figures }: LoadFigures): JsonValue {
  return { ...figures, latency: latency as JsonValue | undefined };
}
