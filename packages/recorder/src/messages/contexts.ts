/** The names of the metadata contexts of one connection, which block status replies have only by their numbers. */
import { quoted } from '@nbdjs/protocol';
import type { Message } from './message.ts';

/** A session has selected few contexts; a server could announce any number. */
const contextsMax = 64;

/** Learns the names from the negotiation, and adds them to the messages of block status. */
export class ContextNames {
  readonly #names = new Map<number, string>();

  /** Returns the message, with the name of its context if that is known. */
  name(message: Message): Message {
    const { kind, name, contextId, context } = message;
    // A new selection replaces the one before.
    if (kind === 'option' && name === 'SET_META_CONTEXT') this.#names.clear();
    if (contextId === undefined) return message;
    if (context === undefined) {
      const known = this.#names.get(contextId);
      return known === undefined ? message : { ...message, context: known };
    }
    if (this.#names.size < contextsMax) this.#names.set(contextId, context);
    return message;
  }
}

/** Returns a context in one word. */
export function describeContext(id: number | undefined, name: string | undefined): string {
  if (name === undefined) return String(id);
  return id === undefined ? quoted(name) : `${id}:${quoted(name)}`;
}
