/** The figures of a trace as a table. */
import type { CommandFigures, TraceFigures } from '@nbdjs/recorder';
import type { JsonValue } from '../../render/exact-json.ts';
import { roundedSize } from '../../render/human-size.ts';

const head = ['command', 'requests', 'errors', 'bytes', 'sequential', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max'];

/** Latencies are in microseconds there. */
export function figuresText({ duration, commands }: TraceFigures): string {
  const rows = [head, ...commands.map(row)];
  const widths = head.map((_, index) => Math.max(...rows.map((cells) => cells[index]?.length ?? 0)));
  const lines = rows.map((cells) =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  '),
  );
  return [
    ...lines,
    '',
    `latencies in microseconds; ${(duration / 1e6).toFixed(3)} s from the first request to the last reply`,
    '',
  ].join('\n');
}

function row({ command, requests, errors, bytes, sequential, latency }: CommandFigures): readonly string[] {
  const { mean, p50, p90, p99, p999, most } = latency;
  const size = roundedSize(Number(bytes));
  const share = `${Math.round(100 * sequential)}%`;
  return [command, requests, errors, size, share, mean, p50, p90, p99, p999, most].map(String);
}

/** The same as data. */
export function figuresJson({ duration, commands }: TraceFigures): JsonValue {
  return {
    type: 'figures',
    duration,
    commands: commands.map(({ latency, ...figures }) => ({ ...figures, latency: { ...latency } })),
  };
}
