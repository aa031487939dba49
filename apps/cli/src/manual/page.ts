/** The manual page of a command as data, taken from its declaration. */
import type { Argument, CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { type Example, exitCodesOf, type Note, usageOf } from '../options/usage.ts';

export interface ManualPage {
  /** The words that begin the command line, such as `nbd objects create`. */
  readonly name: string;
  readonly summary: string;
  /** The whole command line in short. */
  readonly synopsis: string;
  readonly details: readonly string[];
  readonly arguments: readonly DescribedWord[];
  readonly options: readonly DescribedOption[];
  readonly notes: readonly Note[];
  readonly examples: readonly Example[];
  readonly exitCodes: readonly (readonly [code: number, meaning: string])[];
  /** Of the program, and of a family of commands. */
  readonly commands: readonly ManualPage[];
}

interface DescribedWord {
  readonly word: string;
  readonly description: string;
}

export interface DescribedOption {
  /** As they are written, such as `-C, --connections <n>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[] | undefined;
  readonly default?: string | undefined;
}

/** `words` are those before the name of the command, if any. */
export function manualPage(command: CommandUnknownOpts, words: readonly string[] = []): ManualPage {
  const usage = usageOf(command);
  const name = [...words, command.name()];
  return {
    name: name.join(' '),
    summary: command.summary() || command.description().replace(/\.$/, ''),
    synopsis: `${name.join(' ')} ${command.usage()}`,
    details: usage?.details ?? [],
    arguments: command.registeredArguments.map(describeArgument),
    options: [...command.options.filter(({ hidden }) => !hidden).map(describeOption), helpOption],
    notes: usage?.notes ?? [],
    examples: usage?.examples ?? [],
    exitCodes: exitCodesOf(usage),
    commands: command.commands.map((one) => manualPage(one, name)),
  };
}

/** Every command has it; it is not among the options that are declared. */
const helpOption: DescribedOption = { flags: '-h, --help', description: 'show help' };

function describeArgument(argument: Argument): DescribedWord {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return { word: argument.required ? `<${name}>` : `[${name}]`, description: argument.description };
}

function describeOption({ flags, description, argChoices, defaultValue, negate }: Option): DescribedOption {
  // Switches are off without being asked for, and those that negate say by their name what holds without them.
  const isDefaultShown = !negate && defaultValue !== undefined && typeof defaultValue !== 'boolean';
  return { flags, description, choices: argChoices, default: isDefaultShown ? String(defaultValue) : undefined };
}

/** All pages, the program's first. */
export function allPages(page: ManualPage): readonly ManualPage[] {
  return [page, ...page.commands.flatMap(allPages)];
}

/** The name of a page where pages lie side by side, such as `nbd-objects-create`. */
export function pageName({ name }: Pick<ManualPage, 'name'>): string {
  return name.replaceAll(' ', '-');
}
