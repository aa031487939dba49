/** Which options and operands `nbd copy --apply` cannot have. */
import { argumentError } from '../../errors/argument-error.ts';
import { requireFiles } from '../../images/options.ts';
import type { Operand } from '../../options/operand.ts';
import type { CopyOptions } from './command.ts';

/** Options that say which part of a source is read, or how a destination is made. */
const others = {
  changed: '--changed',
  checkpoint: '--checkpoint',
  destinationFormat: '--destination-format',
  destinationIsZero: '--destination-is-zero',
  offset: '--offset',
  length: '--length',
  partition: '--partition',
  rate: '--rate',
  compress: '--compress',
  backing: '--backing',
  clusterSize: '--cluster-size',
} as const satisfies Partial<Record<keyof CopyOptions, string>>;

/** @throws UsageError for what the command line alone shows. */
export function requireApplicable(source: Operand, destination: Operand, options: CopyOptions): void {
  for (const [name, option] of Object.entries(others)) {
    const value = options[name as keyof typeof others];
    if (value !== undefined) throw argumentError(`--apply and ${option} cannot be used together`);
  }
  if (source.type !== 'file' && source.type !== 'stdio') {
    throw argumentError('--apply: the source has to be a file of changes, or - for standard input');
  }
  if (destination.type === 'stdio') {
    throw argumentError('--apply: the destination has to hold the backup before, so that it cannot be a stream');
  }
  if (options.after !== undefined && options.state !== undefined) {
    throw argumentError('--after and --state cannot be used together: both say what the copy holds');
  }
  if (destination.type !== 'null') {
    requireFiles(options, [destination]);
    return;
  }
  if (options.verify === true || options.state !== undefined) {
    throw argumentError("'null:' keeps nothing: --verify and --state need a copy");
  }
}
