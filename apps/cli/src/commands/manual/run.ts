/** `nbd manual`: the manual pages, which are made from the declarations of the commands. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { argumentError } from '../../errors/argument-error.ts';
import { markdownPage } from '../../manual/markdown.ts';
import { allPages, type ManualPage, manualPage, pageName } from '../../manual/page.ts';
import { roffPage } from '../../manual/roff.ts';
import { textPage } from '../../manual/text.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { version } from '../../version.ts';
import type { ManualOptions } from './command.ts';

interface Form {
  readonly suffix: string;
  readonly write: (page: ManualPage) => string;
}

const forms: Readonly<Record<ManualOptions['format'], Form>> = {
  text: { suffix: '.txt', write: textPage },
  man: { suffix: '.1', write: (page) => roffPage(page, version) },
  markdown: { suffix: '.md', write: markdownPage },
  json: { suffix: '.json', write: (page) => `${JSON.stringify(page, undefined, 2)}\n` },
};

export async function run(
  { program, terminal }: CommandContext,
  { format, directory }: ManualOptions,
  words: readonly string[],
): Promise<number> {
  const { suffix, write } = forms[format];
  if (directory === undefined) {
    await terminal.print(write(manualPage(...find(program, words))));
    return 0;
  }
  if (words.length > 0) throw argumentError('--directory writes the pages of all commands; leave out their names');
  await mkdir(directory, { recursive: true });
  for (const page of allPages(manualPage(program))) {
    await writeFile(join(directory, `${pageName(page)}${suffix}`), write(page));
  }
  return 0;
}

/** The command with these words, and the words before its own name. */
function find(program: CommandUnknownOpts, words: readonly string[]): [CommandUnknownOpts, readonly string[]] {
  let command = program;
  const before: string[] = [];
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) throw argumentError(`there is no command '${[command.name(), word].join(' ')}'`);
    before.push(command.name());
    command = next;
  }
  return [command, before];
}
