/** What stands where a source or a destination is expected: a URI, a file, a command in brackets, ... */
import type { ConnectTls } from '@nbdjs/client';
import { UsageError } from '@nbdjs/interfaces';
import { looksLikeUri } from '@nbdjs/protocol';
import { bracketed, type Words } from './words.ts';

export type Operand =
  | { readonly type: 'uri'; readonly uri: string; readonly tls?: ConnectTls | undefined }
  | {
      readonly type: 'command';
      readonly command: readonly [string, ...string[]];
      readonly tls?: ConnectTls | undefined;
    }
  | { readonly type: 'file'; readonly path: string }
  /** `-`: standard input or output. */
  | { readonly type: 'stdio' }
  /** `null:`: swallows everything. */
  | { readonly type: 'null' };

/** Reads one word (or the bracketed command that it stands for). */
export function parseOperand(word: string, brackets: Words['brackets']): Operand {
  const command = bracketed(word, brackets);
  if (command !== undefined) {
    const [program, ...rest] = command;
    if (program === undefined) throw new UsageError('ERR_NBD_ARGUMENT', "there is no command between '[' and ']'");
    return { type: 'command', command: [program, ...rest] };
  }
  if (word === '-') return { type: 'stdio' };
  if (word === 'null:') return { type: 'null' };
  if (looksLikeUri(word)) return { type: 'uri', uri: word };
  if (word === '') throw new UsageError('ERR_NBD_ARGUMENT', 'an empty word is no source or destination');
  return { type: 'file', path: word };
}

/** Reads what has to be a server: a URI or a command. */
export function parseServer(word: string, brackets: Words['brackets']): Extract<Operand, { type: 'uri' | 'command' }> {
  const operand = parseOperand(word, brackets);
  if (operand.type === 'uri' || operand.type === 'command') return operand;
  throw new UsageError(
    'ERR_NBD_URI',
    `'${word}' is not an NBD URI (such as nbd://host/export or nbd+unix:///export?socket=PATH) and not a command in brackets`,
  );
}

/** The operand as it was written, for messages. */
export function describeOperand(operand: Operand): string {
  switch (operand.type) {
    case 'uri':
      return operand.uri;
    case 'command':
      return `[ ${operand.command.join(' ')} ]`;
    case 'file':
      return operand.path;
    case 'stdio':
      return '-';
    case 'null':
      return 'null:';
  }
}
