/** `--progress` of commands that work for long */
import { argumentError } from '../../errors/argument-error.ts';
import { noProgress, type Progress } from '../../render/progress.ts';
import { ProgressBar } from '../../render/progress-bar.ts';
import { JsonLines, PercentLines } from '../../render/progress-lines.ts';
import type { Terminal } from '../../terminal.ts';

/** The options that it depends on. */
export interface ProgressOptions {
  readonly quiet?: boolean | undefined;
  readonly progress?: string | undefined;
  readonly color?: boolean | undefined;
}

/**
 * Makes the form of progress that the options ask for. Without options it is a bar on a terminal. `state` is what lines of JSON call the work.
 */
export function createProgress(
  { quiet, progress, color }: ProgressOptions,
  terminal: Terminal,
  state = 'copying',
): Progress {
  if (quiet === true && progress === undefined) return noProgress;
  const form = progress ?? (terminal.stderr.isTTY && terminal.stdout.isTTY !== false ? 'bar' : 'none');
  if (form === 'none') return noProgress;
  if (form === 'bar') return new ProgressBar(terminal.stderr, terminal.colours('stderr', color));
  const match = /^(json)?:?(\d{1,4})?$/.exec(form);
  if (match === null || form === '') {
    throw argumentError(`--progress: '${form}' is not 'bar', 'json', 'json:FD' or a descriptor`);
  }
  const fd = match[2] === undefined ? 2 : Number(match[2]);
  return match[1] === 'json' ? new JsonLines(fd, state) : new PercentLines(fd);
}
