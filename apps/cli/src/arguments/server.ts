/** Options of every command that talks to a server: how much to ask of it, and how long to wait for it. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { type Command, Option } from 'commander';
import { parseCount } from './size.ts';

/** What was said about talking to servers. */
export interface ServerWords {
  /** The most to ask for. */
  readonly mode?: HeaderMode | undefined;
  /** How often a server that is not there (yet, or any more) is tried again. */
  readonly retries: number;
  /** How long a server that owes an answer may say nothing, in milliseconds; 0 for ever. @default two minutes, with retries */
  readonly silenceMs?: number | undefined;
  /** Tell how the server was come to terms with. */
  readonly verbose: boolean;
}

/** How often a server that is served again, and gone, is tried again, unless somebody says otherwise. */
export const upstreamRetries = 5;

const modes: readonly HeaderMode[] = ['simple', 'structured', 'extended'];

/** `meaning` completes the help of `--retries` where it does more than to wait. */
export function addServerWords(
  command: Command,
  meaning = 'wait for a server that is not there, for so many tries',
): Command {
  return command
    .addOption(modeOption())
    .option('--retries <n>', meaning, (text: string) => parseCount(text, '--retries', 0, 100_000), 0)
    .addOption(silenceOption());
}

/** What the above has collected. */
export function serverWords(options: Readonly<Record<string, unknown>>): ServerWords {
  const { mode, retries, verbose } = options;
  return {
    mode: mode as HeaderMode | undefined,
    retries: retries as number,
    silenceMs: silenceMsOf(options),
    verbose: verbose === true,
  };
}

/** What `--silence` was given, in milliseconds. */
export function silenceMsOf({ silence }: Readonly<Record<string, unknown>>): number | undefined {
  return silence === undefined ? undefined : 1000 * (silence as number);
}

export function silenceOption(): Option {
  const meaning = 'take a server for gone that owes an answer and says nothing for so long';
  const usual = '0 for never (default: 120 with --retries, else 0)';
  const option = new Option('--silence <seconds>', `${meaning}; ${usual}`);
  return option.argParser((text: string) => parseCount(text, '--silence', 0, 86_400));
}

export function modeOption(): Option {
  return new Option('--mode <mode>', 'ask a server for at most these replies').choices(modes);
}
