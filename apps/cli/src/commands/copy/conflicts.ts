/** Refuses copies that are not possible, or not with the options given. */
import { argumentError } from '../../errors/argument-error.ts';
import { requireFiles } from '../../images/options.ts';
import type { Operand } from '../../options/operand.ts';
import type { Terminal } from '../../terminal.ts';
import type { CopyOptions } from './command.ts';
import { destinationFormat } from './destination-format.ts';

/** @throws UsageError for errors that the command line alone shows. */
export function requirePossible(source: Operand, destination: Operand, options: CopyOptions): void {
  const { blkhash, blkhashFile, checkpoint, verify } = options;
  if (blkhash !== undefined || blkhashFile !== undefined) {
    throw argumentError(
      "--blkhash: a copy makes no hash; 'nbd hash --block-hash' makes the same one of the source or the copy",
    );
  }
  if (source.type === 'null') throw argumentError("'null:' can only be the destination");
  if (source.type === 'stdio' && options.partition !== undefined)
    throw argumentError('--partition needs a source that is no stream');
  requireFiles(options, [source]);
  const format = destinationFormat(destination, options.destinationFormat);
  if (format !== 'qcow2') requireNoQcow2Options(options, format);
  if (format !== 'raw') {
    if (checkpoint !== undefined) {
      throw argumentError(`--checkpoint: a destination of format ${format} is made anew each time`);
    }
    if (verify === true && destination.type === 'stdio') throw streamError('--verify');
  }
  requireFitOfChanged(format, options);
  requireFitOfBackup(format, options);
  if (checkpoint !== undefined && (options.offset !== undefined || options.length !== undefined)) {
    throw argumentError('--checkpoint: it cannot tell one part of a source from another (--offset, --length)');
  }
  if (options.json === true && destination.type === 'stdio') {
    throw argumentError('--json: the report would follow the copy on standard output');
  }
  if (destination.type !== 'null') return;
  if (verify === true) throw argumentError("--verify: what has gone to 'null:' cannot be read again");
  if (checkpoint !== undefined) throw argumentError("--checkpoint: 'null:' keeps nothing to go on from");
}

/** @throws UsageError for options of qcow2. */
function requireNoQcow2Options(options: CopyOptions, format: string): void {
  const found = qcow2Options.find((name) => options[name] !== undefined);
  if (found === undefined) return;
  const option = found.replace(/[A-Z0-9]+/g, (part) => (/\d/.test(part) ? part : `-${part.toLowerCase()}`));
  throw argumentError(`--${option}: the destination is ${format}; --destination-format qcow2 makes it an image`);
}

const qcow2Options = [
  'compress',
  'backing',
  'backingFormat',
  'clusterSize',
  'extendedL2',
  'refcountBits',
  'qcow2Version',
] as const;

/** @throws UsageError for options of backups that the destination cannot have. */
function requireFitOfBackup(format: string, { after, state }: CopyOptions): void {
  if (after !== undefined && format !== 'changes') {
    throw argumentError('--after: only a file of changes says what it follows (--destination-format changes)');
  }
  if (state !== undefined && format === 'changes') {
    throw argumentError('--state: it is about a copy of a disk; of a file of changes, say --after');
  }
}

/** What has changed goes into an earlier copy, at the same places. */
function requireFitOfChanged(format: string, options: CopyOptions): void {
  if (options.changed === undefined) return;
  const { checkpoint, destinationIsZero, offset, length } = options;
  const other = [
    checkpoint !== undefined && '--checkpoint',
    destinationIsZero === true && '--destination-is-zero',
    offset !== undefined && '--offset',
    length !== undefined && '--length',
  ].find((option) => option !== false);
  if (other !== undefined) throw argumentError(`--changed and ${other} cannot be used together`);
  if (format !== 'raw' && format !== 'changes') {
    throw argumentError(`--changed: a ${format} image is made anew, expected an earlier copy or a file of changes`);
  }
}

/** @throws UsageError where bytes would be written to a terminal. */
export function requireNoTerminal(destination: Operand, terminal: Terminal): void {
  if (destination.type === 'stdio' && terminal.stdout.isTTY) {
    throw argumentError('refusing to write binary data to a terminal');
  }
}

/** @throws UsageError for options that a stream cannot have. Called before anything is opened for writing. */
export function requireNoDeviceOptions({ changed, checkpoint, verify }: CopyOptions): void {
  if (changed !== undefined) throw streamError('--changed');
  if (checkpoint !== undefined) throw streamError('--checkpoint');
  if (verify === true) throw streamError('--verify');
}

/** The error of an option that needs devices on both sides. */
export function streamError(option: string): Error {
  return argumentError(`${option} needs a source and a destination that are not streams`);
}
