/** The operand that has to be a server. */
import { argumentError } from '../../errors/argument-error.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { isServer, parseOperand, type ServerOperand } from '../../options/operand.ts';

/** @throws UsageError for what is no server. */
export function parseUpstream(word: string, { brackets }: CommandContext): ServerOperand {
  const operand = parseOperand(word, brackets);
  if (isServer(operand)) return operand;
  throw argumentError(`'${word}' is not a server: expected an NBD URI such as nbd://host, or a command in brackets`);
}
