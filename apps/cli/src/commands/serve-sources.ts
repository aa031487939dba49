/** What stands behind the exports of `nbd serve`: files, memory, other servers, and layers over them. */
import { accessSync, constants, existsSync } from 'node:fs';
import { basename } from 'node:path';
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import {
  createAllocationDepthLayer,
  createMemoryDevice,
  createOverlayLayer,
  createSliceLayer,
  type FileDevice,
  openFileDevice,
} from '@nbdjs/storage';
import type { Operand } from '../arguments/operands.ts';
import { parseSize } from '../arguments/size.ts';
import { systemReason } from '../failure.ts';
import type { ServeOptions } from './serve-options.ts';
import type { Upstreams } from './upstream.ts';

/** What is no file, but memory of the size that follows. */
const memoryPrefix = 'memory:';

export interface NamedSource {
  readonly name: string;
  readonly operand: Operand;
}

/** `NAME=SOURCE`, or a source alone, which is the default export when it is the only one. */
export function namedSource(
  word: string,
  parse: (word: string) => Operand,
  count: number,
  exportName: string | undefined,
): NamedSource {
  const named = existsSync(word) ? undefined : splitName(word, parse);
  if (named !== undefined) {
    if (exportName !== undefined && exportName !== named.name) {
      const message = `the export has two names, '${exportName}' by --export-name and '${named.name}' by ${word}`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    return named;
  }
  const operand = parse(word);
  if (count === 1) return { name: exportName ?? '', operand };
  if (operand.type !== 'file' || operand.path.startsWith(memoryPrefix)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `among several exports each needs a name: write NAME=${word}`);
  }
  return { name: basename(operand.path), operand };
}

/**
 * Cuts a name off. Both names and files may have a `=`: of several places to cut at, the first counts behind which there is something to
 * be served, and if there is none, the first.
 */
function splitName(word: string, parse: (word: string) => Operand): NamedSource | undefined {
  let first: NamedSource | undefined;
  for (let place = word.indexOf('='); place >= 0; place = word.indexOf('=', place + 1)) {
    const name = word.slice(0, place);
    const source = word.slice(place + 1);
    if (name.includes('://') || source === '') break;
    const operand = parse(source);
    first ??= { name, operand };
    const isThere = operand.type !== 'file' || operand.path.startsWith(memoryPrefix) || existsSync(operand.path);
    if (isThere) return { name, operand };
  }
  return first;
}

/** Opens what an operand names, with the layers that the options put over it. */
export async function openSource(operand: Operand, options: ServeOptions, upstreams: Upstreams): Promise<BlockDevice> {
  const readOnly = options.readOnly || options.snapshot;
  const device = await openOperand(operand, readOnly, upstreams);
  const sliced = options.offset === undefined ? device : createSliceLayer(device, { offset: options.offset });
  const { allocationDepth } = options;
  const top = options.snapshot ? createOverlayLayer(sliced, { allocationDepth }) : sliced;
  return allocationDepth ? createAllocationDepthLayer(top) : top;
}

async function openOperand(operand: Operand, readOnly: boolean, upstreams: Upstreams): Promise<BlockDevice> {
  switch (operand.type) {
    case 'uri':
    case 'command':
      return upstreams.open(operand);
    case 'file': {
      const { path } = operand;
      if (path.startsWith(memoryPrefix)) {
        return createMemoryDevice({ size: parseSize(path.slice(memoryPrefix.length), 'memory'), readOnly });
      }
      return upstreams.endWith(await openFile(path, readOnly));
    }
    case 'null':
    case 'stdio':
      throw new UsageError('ERR_NBD_ARGUMENT', `'${operand.type === 'null' ? 'null:' : '-'}' cannot be served`);
  }
}

/** What the system says when a file is there and must not be written. */
const unwritable: ReadonlySet<unknown> = new Set(['EACCES', 'EROFS', 'EPERM']);

async function openFile(path: string, readOnly: boolean): Promise<FileDevice> {
  try {
    return await openFileDevice(path, { readOnly });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (readOnly || !unwritable.has(code) || !mayRead(path)) throw cause;
    const message = `${path} cannot be opened for writing: ${systemReason(cause)}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message, { cause });
  }
}

function mayRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
