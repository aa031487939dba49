/** A source on the command line of `nbd serve`, which may give its export a name. */
import { basename } from 'node:path';
import { argumentError } from '../../errors/argument-error.ts';
import { existsAt } from '../../images/image-path.ts';
import type { Operand } from '../../options/operand.ts';
import { parseSize } from '../../options/size.ts';

/** The prefix of a source that is memory; its size follows. */
export const memoryPrefix = 'memory:';

export interface Source {
  /** As it was written. */
  readonly word: string;
  readonly operand: Operand;
  /** Of `NAME=SOURCE`. */
  readonly name?: string | undefined;
}

/** Parses `NAME=SOURCE`, or a source alone. */
export function parseSource(word: string, parse: (word: string) => Operand): Source {
  const named = existsAt(word) ? undefined : splitName(word, parse);
  return named ?? { word, operand: parse(word) };
}

/**
 * Separates the name from the source. Both may contain `=`: the name ends at the first `=` that is followed by something to serve, or,
 * if there is none, at the first `=`.
 */
function splitName(word: string, parse: (word: string) => Operand): Source | undefined {
  let first: Source | undefined;
  for (let place = word.indexOf('='); place >= 0; place = word.indexOf('=', place + 1)) {
    const name = word.slice(0, place);
    const text = word.slice(place + 1);
    if (name.includes('://') || text === '') break;
    const operand = parse(text);
    first ??= { word, name, operand };
    if (operand.type !== 'file' || isMemory(operand.path) || existsAt(operand.path)) return { word, name, operand };
  }
  return first;
}

/** Returns the name of a source's export. A source that is the only one is the default export. */
export function exportNameOf({ word, operand, name }: Source, sourceCount: number, exportName?: string): string {
  if (name !== undefined) {
    if (exportName === undefined || exportName === name) return name;
    throw argumentError(`the export has two names, '${exportName}' by --export-name and '${name}' by ${word}`);
  }
  if (sourceCount === 1) return exportName ?? '';
  if (operand.type === 'disk') return operand.disk;
  if (operand.type === 'file' && !isMemory(operand.path)) return basename(operand.path);
  throw argumentError(`among several exports each needs a name: write NAME=${word}`);
}

/** Returns the size of a source that is memory, in bytes; `undefined` for others. @throws UsageError when its size is none. */
export function memorySizeOf({ operand }: Source): bigint | undefined {
  if (operand.type !== 'file' || !isMemory(operand.path)) return undefined;
  return parseSize(operand.path.slice(memoryPrefix.length), 'memory');
}

export function isMemory(path: string): boolean {
  return path.startsWith(memoryPrefix);
}
