/** Lines on standard error about a store: what was put right, and why requests are repeated. Each is printed once. */
import type { StoreError } from '@nbdjs/objects';
import { oneLine } from '../errors/one-line.ts';
import type { Terminal } from '../terminal.ts';

/** What a store and the functions that use it tell. */
export interface StoreNotes {
  readonly onNotice: (message: string) => void;
  readonly onRetry: (error: StoreError) => void;
}

/** Notes for one use of a store. @param isQuiet with `--quiet`, nothing is said but errors */
export function storeNotes({ note }: Pick<Terminal, 'note'>, isQuiet = false): StoreNotes {
  const printed = new Set<string>();
  const once = (reason: string, text: string): void => {
    if (isQuiet || printed.has(reason)) return;
    printed.add(reason);
    note(text);
  };
  return {
    onNotice: (message) => once(message, `nbd: ${message}`),
    // When a store has trouble, requests for many keys fail for the same reason.
    onRetry: (error) => once(reasonOf(error), `nbd: ${oneLine(error)}; trying again`),
  };
}

function reasonOf({ code, message, key }: StoreError): string {
  const reason = key === undefined ? message : message.replace(key, '');
  // Numbers in it, such as the bytes that came of a body, and ids of requests differ each time.
  return `${code} ${reason.slice(reason.indexOf(':')).replace(/\b[0-9a-z]*\d[0-9a-z-]*\b/gi, '')}`;
}
