/** What the readers of all kinds of messages share. */
import { Command, commandFlags, flagNames, isKnownWireError, wireErrorCode } from '@nbdjs/protocol';
import type { Message } from './message.ts';

/** The fields that a reader of one kind finds. */
export type MessageFields = Omit<Partial<Message>, 'side' | 'kind'> & { readonly name: string };

/** The name of an error number; a number that the specification does not name stays one. */
export function errorName(error: number): string {
  return isKnownWireError(error) ? wireErrorCode(error) : `error ${error}`;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The flags of a request, for messages. */
export function commandFlagNames(flags: number): { readonly flags?: readonly string[] } {
  return flags === 0 ? {} : { flags: flagNames(commandFlags, flags) };
}

/** Commands about no range of the export. */
export const withoutRange: ReadonlySet<number> = new Set([Command.Disconnect, Command.Flush]);
