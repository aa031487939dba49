/** `nbd copy --progress` */
import { argumentError } from '../../errors/argument-error.ts';
import { noProgress, type Progress } from '../../render/progress.ts';
import { ProgressBar } from '../../render/progress-bar.ts';
import { JsonLines, PercentLines } from '../../render/progress-lines.ts';
import type { Terminal } from '../../terminal.ts';
import type { CopyOptions } from './command.ts';

/** Makes the form of progress that the options ask for. Without options it is a bar on a terminal. */
export function createProgress({ quiet, progress, color }: CopyOptions, terminal: Terminal): Progress {
  if (quiet === true && progress === undefined) return noProgress;
  const form = progress ?? (terminal.stderr.isTTY && terminal.stdout.isTTY !== false ? 'bar' : 'none');
  if (form === 'none') return noProgress;
  if (form === 'bar') return new ProgressBar(terminal.stderr, terminal.colours('stderr', color));
  const match = /^(json)?:?(\d{1,4})?$/.exec(form);
  if (match === null || form === '') {
    throw argumentError(`--progress: '${form}' is not 'bar', 'json', 'json:FD' or a descriptor`);
  }
  const fd = match[2] === undefined ? 2 : Number(match[2]);
  return match[1] === 'json' ? new JsonLines(fd) : new PercentLines(fd);
}
