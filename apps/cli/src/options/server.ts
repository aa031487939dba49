/** Options of commands that connect to servers: how much to ask of them, and how long to wait. */
import { Option } from '@commander-js/extra-typings';
import type { OptionsOf } from './command-context.ts';
import { optionGroup } from './option-group.ts';
import { count } from './size.ts';

/** `silence` is in seconds. */
export type ServerOptions = OptionsOf<typeof serverOptions>;

/** Tries to wait for a server that is served again. */
export const upstreamRetries = 5;

export const parseRetries = count('--retries', 0, 100_000);

/** `meaning` completes the help of `--retries` where it does more than wait. */
export function serverOptions(meaning = 'wait for a server that is not there, for so many tries') {
  return optionGroup()
    .addOption(modeOption())
    .option('--retries <n>', meaning, parseRetries, 0)
    .addOption(silenceOption());
}

/**
 * Of commands that go on for long: they wait for a server that is lost, and not for one that was never there. `role` begins the help where a
 * command is not always one that connects.
 */
export function upstreamOptions(role = '') {
  const meaning = `${role}wait for a server that is gone, for so many tries`;
  return optionGroup()
    .option('--retries <n>', `${meaning} (default: ${upstreamRetries}, and 0 for the first connection)`, parseRetries)
    .addOption(modeOption())
    .addOption(silenceOption());
}

export function modeOption() {
  return new Option('--mode <mode>', 'ask a server for at most these replies').choices([
    'simple',
    'structured',
    'extended',
  ] as const);
}

/** `usual` completes the help: what 0 means, and the default. */
export function silenceOption(usual = '0 for never (default: 120 with --retries, else 0)') {
  const meaning = 'when an answer is due and the server sends nothing for so long, its connection counts as lost';
  return new Option('--silence <seconds>', `${meaning}; ${usual}`).argParser(count('--silence', 0, 86_400));
}
