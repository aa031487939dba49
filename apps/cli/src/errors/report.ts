/** Turns an error that ends the program into lines on standard error and an exit code. */

import { CommanderError } from '@commander-js/extra-typings';
import { isNbdError, ProtocolError } from '@nbdjs/interfaces';
import { Interrupted, type Terminal } from '../terminal.ts';
import { oneLine } from './one-line.ts';
import { suggestion } from './suggestions.ts';

export interface ReportOptions {
  /** The command that has failed. */
  readonly command: string | undefined;
  /** Print the causes, too. */
  readonly isVerbose: boolean;
}

/** Exit codes of failures, for commands where 1 is an answer. */
const failures: Readonly<Record<string, number>> = { compare: 2, discard: 2, zero: 2 };

/** Prints an error as one line. Returns the exit code. */
export function report(error: unknown, { command, isVerbose }: ReportOptions, terminal: Terminal): number {
  const failure = failures[command ?? ''] ?? 1;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : failure;
  if (error instanceof Interrupted) return error.exitCode;
  const { reason } = terminal.signal;
  if (reason instanceof Interrupted) return reason.exitCode;
  const colours = terminal.colours('stderr');
  terminal.note(`${colours.red('nbd:')} ${oneLine(error)}`);
  const advice = suggestion(error, command);
  if (advice !== undefined) terminal.note(`nbd: suggestion: ${advice}`);
  if (isVerbose) for (const line of causes(error)) terminal.note(`nbd:   ${line}`);
  // An error that is neither one of ours nor the system's is a defect: its stack is worth more than a short message.
  const isExpected = isNbdError(error) || (error instanceof Error && 'syscall' in error);
  if (!isExpected && isVerbose && error instanceof Error) terminal.note(error.stack ?? '');
  return failure;
}

/** The rule that was broken, and one line per cause. */
function causes(error: unknown): readonly string[] {
  const lines = brokenRule(error);
  let cause = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; cause !== undefined && depth < 8; depth++) {
    const code = isNbdError(cause) ? ` [${cause.code}]` : '';
    lines.push(`caused by: ${oneLine(cause)}${code}`, ...brokenRule(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

/** The rule of the protocol that a peer has broken: its section in the specification, and its id in our docs. */
function brokenRule(error: unknown): string[] {
  if (!(error instanceof ProtocolError) || error.section === undefined) return [];
  return [`breaks the NBD protocol, section "${error.section}" (rule ${error.rule})`];
}
