/** Other spellings of options, which libnbd's tools take and help need not tell of. */
import { type Command, Option } from 'commander';

class Alias extends Option {
  readonly #name: string;

  constructor(flags: string, name: string) {
    super(flags);
    this.#name = name;
    this.hideHelp();
  }

  /** Where the value goes: it is the option's that it stands for. */
  override attributeName(): string {
    return this.#name;
  }
}

/** Adds spellings of an option that the command has already. */
export function addAliases(command: Command, original: string, ...flags: readonly string[]): Command {
  const option = command.options.find(({ long }) => long === original);
  if (option === undefined) throw new Error(`there is no option ${original} to stand for`);
  for (const flag of flags) {
    const alias = new Alias(flag, option.attributeName());
    if (option.parseArg !== undefined) alias.argParser(option.parseArg);
    command.addOption(alias);
  }
  return command;
}
