/** The command line of `nbd replay`. */
import { argumentError } from '../../errors/argument-error.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addGroups } from '../../options/option-group.ts';
import { parseCount } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { parseUpstream } from '../proxy/upstream-operand.ts';
import { usage } from './usage.ts';

export type ReplayCommandOptions = OptionsOf<typeof declareReplay>;

export function declareReplay(context: CommandContext) {
  const command = beginCommand(
    context,
    'replay',
    'send the requests of a recording to a server, and compare its answers',
    usage,
  )
    .argument('<file>', 'the recording')
    .argument('<server>', 'an NBD URI, or [ COMMAND ARGUMENTS ]', (word: string) => parseUpstream(word, context))
    .option('--destructive', 'also send requests that change the export')
    .option('--speed <n>', 'send at the recorded times, or n times as fast (default: as fast as answers come)', speed)
    .option('--connection <n>', 'only this connection (repeatable)', connections)
    .option('--json', 'print JSON, one object in each line')
    .option('-q, --quiet', 'print nothing; the exit code is 2 when answers differ');
  return addGroups(command, webClientOptions(), clientTlsOptions()).option('-v, --verbose', 'print more about errors');
}

function connections(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, parseCount(text, '--connection', 1, 2 ** 32 - 1)];
}

function speed(text: string): number {
  const value = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw argumentError(`--speed: '${text}' is not a number above 0 such as 1 or 2.5`);
}
