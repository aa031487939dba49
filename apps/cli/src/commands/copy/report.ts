/** The lines of `nbd copy` on standard error about what it does. */
import type { CopyReport } from '@nbdjs/copy';
import { oneLine } from '../../errors/one-line.ts';
import { describeOperand } from '../../options/operand.ts';
import { exactJson, type JsonValue } from '../../render/exact-json.ts';
import type { Terminal } from '../../terminal.ts';
import type { CopyOptions } from './command.ts';
import type { CopyJob } from './copy-job.ts';
import type { SourceSide, TargetSide, UsedConnections } from './side.ts';

/** With `--verbose`: what is copied, and how. */
export function notePlan(job: CopyJob): void {
  const { source, destination, from, to, threads, connections, options, terminal } = job;
  if (options.verbose !== true) return;
  for (const [role, operand, side] of [
    ['source', source, from],
    ['destination', destination, to],
  ] as const) {
    const figures = operand.type === 'null' ? 'takes everything' : describeSide(side, threads * connections);
    terminal.note(`nbd: ${role}: ${describeOperand(operand).replace(/:$/, '')}: ${figures}`);
  }
  const { requests = 'as many as it takes', requestSize, synchronous = false } = options;
  terminal.note(`nbd: requests=${requests} request size=${requestSize} synchronous=${synchronous} threads=${threads}`);
}

function describeSide(side: SourceSide | TargetSide, connections: number): string {
  if (side.type === 'stream') return 'a stream';
  if (side.type === 'image') return side.format === 'changes' ? 'a file of changes' : `a ${side.format} image`;
  if (side.grow !== undefined) return 'a file that grows';
  const { size, preferredBlockSize } = side.device.geometry;
  const most = side.setConnections === undefined || connections === 1 ? '1' : `up to ${connections}`;
  return `size=${size} preferred block size=${preferredBlockSize} connections=${most}`;
}

/** Names options that do nothing for a destination that is a stream. */
export function noteIdleOptions({ to, options: { flush, sparse, quiet }, terminal }: CopyJob): void {
  if (to.type !== 'stream' || quiet === true) return;
  const idle: string[] = [];
  if (flush === true && to.target.flush === undefined) idle.push('--flush');
  if (sparse !== undefined && sparse > 0) idle.push('--sparse');
  if (idle.length > 0) terminal.note(`nbd: the destination is a stream, where ${idle.join(' and ')} can do nothing`);
}

/** `--json`: what was done, on standard output. */
export async function printReport(
  { source, destination, options, terminal }: CopyJob,
  report: Partial<CopyReport>,
  seconds: number,
  backup: Readonly<Record<string, JsonValue | undefined>>,
): Promise<void> {
  const names = { source: describeOperand(source), destination: describeOperand(destination) };
  await terminal.print(reportJson({ ...names, changed: options.changed, ...backup }, report, options, seconds));
}

/** `names` says what was copied, and comes first. */
export function reportJson(
  names: Readonly<Record<string, JsonValue | undefined>>,
  report: Partial<CopyReport>,
  { verify }: Pick<CopyOptions, 'verify'>,
  seconds: number,
): string {
  const figures = {
    verified: verify === true,
    seconds: Number(seconds.toFixed(3)),
    bytesPerSecond: Math.round(Number(report.totalBytes ?? 0n) / Math.max(seconds, 0.001)),
  };
  return `${exactJson({ ...names, ...report, ...figures })}\n`;
}

/** With `--verbose`: how many connections each server has accepted and used. */
export function noteConnections({ from, to, options, terminal }: CopyJob, threads: readonly UsedConnections[]): void {
  if (options.verbose !== true) return;
  for (const [role, side] of [['source', from] as const, ['destination', to] as const]) {
    if (side.type !== 'device' || side.connections === undefined) continue;
    const all = threads.reduce((sum, used) => sum + used[role], side.connections());
    terminal.note(`nbd: ${role}: connections=${all}`);
  }
}

/** A block map that fails only makes the copy slower; with `--verbose` that is printed, once for each side. */
export function noteMapFailures({ verbose }: CopyOptions, terminal: Terminal): CopyJob['onMapFailure'] {
  const noted = new Set<string>();
  return ({ side, offset, error }) => {
    if (verbose !== true || noted.has(side)) return;
    noted.add(side);
    const role = side === 'source' ? 'source' : 'destination';
    terminal.note(
      `nbd: the ${role} does not report which parts of it are zero (at ${offset}: ${oneLine(error)}); reading them`,
    );
  };
}
