/** The command line of `nbd trace`. */
import { argumentError } from '../../errors/argument-error.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { parseCount } from '../../options/size.ts';
import { span } from '../../options/span.ts';
import { usage } from './usage.ts';

export type TraceOptions = OptionsOf<typeof declareTrace>;

export function declareTrace(context: CommandContext) {
  return beginCommand(context, 'trace', 'read a recording of nbd proxy back', usage)
    .argument('<file>', 'the recording')
    .option('--requests', 'print one line for each request, with its answer and how long that took')
    .option('--stats', 'print figures for each command')
    .option('--json', 'print JSON, one object in each line')
    .option('--command <names>', 'only these commands, such as read,write', commandNames)
    .option('--offset <range>', 'only requests within this range of the export, such as 0..1M', span('--offset'))
    .option('--connection <n>', 'only this connection (repeatable)', connections)
    .option('--errors', 'only requests that have failed')
    .option('--slower <ms>', 'only requests that took longer than so many milliseconds', milliseconds)
    .option('-v, --verbose', 'print more about errors');
}

function commandNames(text: string): readonly string[] {
  return text.split(',').map((name) => (name === 'zero' ? 'write-zeroes' : name));
}

function connections(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, parseCount(text, '--connection', 1, 2 ** 32 - 1)];
}

function milliseconds(text: string): number {
  if (/^\d{1,9}(\.\d{1,6})?$/.test(text)) return Number(text);
  throw argumentError(`--slower: '${text}' is not a number of milliseconds such as 10 or 0.5`);
}
