/** Sources and destinations on the command line: a URI, a file, a command in brackets, and others. */
import type { ConnectTls } from '@nbdjs/client';
import { UsageError } from '@nbdjs/interfaces';
import { argumentError } from '../errors/argument-error.ts';
import { existsAt } from '../images/image-path.ts';
import { type DiskOperand, isStoreWord, parseDisk } from '../objects/disk-operand.ts';
import { type Brackets, bracketedCommand } from './argv.ts';

export type Operand =
  | { readonly type: 'uri'; readonly uri: string; readonly tls?: ConnectTls | undefined }
  | {
      readonly type: 'command';
      readonly command: readonly [string, ...string[]];
      readonly tls?: ConnectTls | undefined;
    }
  | { readonly type: 'file'; readonly path: string }
  | DiskOperand
  /** `-`: standard input or output. */
  | { readonly type: 'stdio' }
  /** `null:`: discards what is written. */
  | { readonly type: 'null' };

/** An operand that is a server. */
export type ServerOperand = Extract<Operand, { type: 'uri' | 'command' }>;

/**
 * Begins with a scheme of NBD. The rest of a URI is checked when it is used, by the client; commands that connect to no server need not load
 * it.
 */
const scheme = /^nbds?(\+[a-z]+)?:/i;

/** WebSocket and HTTP Upgrade. What follows a `#` is the name of the export. */
const webScheme = /^(ws|http)s?:\/\//i;

/** Parses one word, or the command in brackets that it stands for. */
export function parseOperand(word: string, brackets: Brackets): Operand {
  const command = bracketedCommand(word, brackets);
  if (command !== undefined) {
    const [program, ...rest] = command;
    if (program === undefined) throw argumentError("there is no command between '[' and ']'");
    return { type: 'command', command: [program, ...rest] };
  }
  if (word === '-') return { type: 'stdio' };
  if (word === 'null:') return { type: 'null' };
  if (isStoreWord(word)) return parseDisk(word);
  if (scheme.test(word) || isWebUrl(word)) return { type: 'uri', uri: word };
  if (word === '') throw argumentError('an empty word is not a source or destination');
  return { type: 'file', path: word };
}

/** An operand that can be read anywhere: a server, a file, or a disk in a store. */
export type ReadableOperand = Extract<Operand, { type: 'uri' | 'command' | 'file' | 'disk' }>;

/** Parses a server, a disk in a store, or a file that is there. */
export function parseReadable(word: string, brackets: Brackets): ReadableOperand {
  const operand = parseOperand(word, brackets);
  if (isServer(operand) || operand.type === 'disk') return operand;
  if (operand.type === 'file' && existsAt(operand.path)) return operand;
  throw new UsageError(
    'ERR_NBD_URI',
    `'${word}' is not an NBD URI (such as nbd://host/export or nbd+unix:///export?socket=PATH), not a URL of WebSocket or HTTP, not a command in brackets, not a disk in a store (folder:PATH#DISK), and not a file`,
  );
}

/** Parses what has to be a server: a URI or a command. */
export function parseServer(word: string, brackets: Brackets): ServerOperand {
  const operand = parseOperand(word, brackets);
  if (isServer(operand)) return operand;
  throw new UsageError(
    'ERR_NBD_URI',
    `'${word}' is not an NBD URI (such as nbd://host/export or nbd+unix:///export?socket=PATH), not a URL of WebSocket or HTTP, and not a command in brackets`,
  );
}

/** Whether a word is a URL of WebSocket or HTTP. */
export function isWebUrl(word: string): boolean {
  return webScheme.test(word);
}

export function isServer(operand: Operand): operand is ServerOperand {
  return operand.type === 'uri' || operand.type === 'command';
}

/** Returns the operand as it was written, for messages. */
export function describeOperand(operand: Operand): string {
  switch (operand.type) {
    case 'uri':
      return operand.uri;
    case 'command':
      return `[ ${operand.command.join(' ')} ]`;
    case 'file':
      return operand.path;
    case 'disk':
      return operand.word;
    case 'stdio':
      return '-';
    case 'null':
      return 'null:';
  }
}

/** What others may see of an operand. `undefined` for a command, whose words may be secret, as is what stands before the host in a URL. */
export function publicName(operand: Operand): string | undefined {
  return operand.type === 'command' ? undefined : describeOperand(operand).replace(/\/\/[^/?#]*@/, '//');
}
