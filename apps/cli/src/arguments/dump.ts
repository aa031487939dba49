/** The command line of `nbd dump`. */
import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { addAliases } from './alias.ts';
import { addColours } from './colours.ts';
import { parseServer } from './operands.ts';
import { addServerWords, serverWords } from './server.ts';
import { parseSize } from './size.ts';
import { addClientTls, tlsWords, withTls } from './tls.ts';
import type { Words } from './words.ts';

export function addDump(
  command: Command,
  brackets: Words['brackets'],
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  const bytes = (option: string) => (text: string) => parseSize(text, option);
  command
    .argument('<server>', 'an NBD URI, or [ COMMAND ARGUMENTS ]')
    .option('-n, --length <n>', 'at most this many bytes', bytes('--length'))
    .option('-o, --offset <n>', 'from this byte on', bytes('--offset'));
  addAliases(command, '--length', '--limit <n>');
  addAliases(command, '--offset', '--skip <n>');
  addColours(command);
  addServerWords(command);
  addClientTls(command)
    .option('-v, --verbose', 'say more about errors')
    .action(async (server: string, options: Record<string, unknown>) => {
      const operand = withTls(parseServer(server, brackets), tlsWords(options));
      const { dump } = await import('../commands/dump.ts');
      exit(
        await dump(
          operand,
          {
            offset: (options.offset ?? 0n) as bigint,
            limit: options.length as bigint | undefined,
            ...serverWords(options),
            colour: options.color as boolean | undefined,
          },
          terminal,
        ),
      );
    });
}
