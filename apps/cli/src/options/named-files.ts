/** Names of files and folders in a command line. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { argumentError } from '../errors/argument-error.ts';

/** How the values that name a file or a folder are written in help. */
const namesFile = /<(?:file|folder|path)>/;

/** The parser of a name that may be empty. */
export const mayBeEmpty = (name: string): string => name;

/**
 * Has a command refuse empty names of files and folders, such as those of a variable of the shell that is not set: the system would look for
 * a file without a name, and its message could not say which. Options and arguments with parsers of their own are left alone.
 */
export function refuseEmptyNames(command: CommandUnknownOpts): void {
  for (const option of command.options) {
    if (namesFile.test(option.flags) && option.parseArg === undefined)
      option.argParser(notEmpty(option.long ?? option.flags));
  }
  for (const argument of command.registeredArguments) {
    if (/^(?:file|folder|path)$/.test(argument.name()) && argument.parseArg === undefined && !argument.variadic) {
      argument.argParser(notEmpty(argument.name()));
    }
  }
}

/** Returns the parser of a name that must not be empty. */
export function notEmpty(what: string): (name: string) => string {
  return (name) => {
    if (name !== '') return name;
    throw argumentError(`${what}: the name is empty`);
  };
}
