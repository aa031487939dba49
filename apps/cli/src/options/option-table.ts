/** Options that are declared as rows of a table, and collected in one attribute. */
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { RedirectedOption } from './alias.ts';

export interface OptionRow<Value> {
  readonly flags: string;
  readonly help: string;
  readonly isHidden?: boolean | undefined;
  /** Adds what was given to what earlier options have collected. */
  readonly collect: (text: string, before: Value | undefined) => Value;
}

/** Adds all rows to a command. What they collect is the attribute `name` of its options; `undefined` if none is given. */
export function addOptionTable<
  Arguments extends unknown[],
  Options extends OptionValues,
  Globals extends OptionValues,
  Name extends string,
  Value,
>(command: Command<Arguments, Options, Globals>, name: Name, rows: readonly OptionRow<Value>[]) {
  for (const { flags, help, isHidden = false, collect } of rows) {
    command.addOption(new RedirectedOption(flags, help, name).hideHelp(isHidden).argParser(collect));
  }
  // The flags are data, so their types cannot be inferred one by one.
  return command as unknown as Command<Arguments, Options & { [Key in Name]?: Value }, Globals>;
}
