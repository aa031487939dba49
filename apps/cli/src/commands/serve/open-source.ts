/** What is behind the exports of `nbd serve`: files, memory, other servers, and layers over them. */
import { accessSync, constants } from 'node:fs';
import type { BlockDevice } from '@nbdjs/interfaces';
import {
  createAllocationDepthLayer,
  createMemoryDevice,
  createOverlayLayer,
  createSliceLayer,
  type FileDevice,
  openFileDevice,
} from '@nbdjs/storage';
import { argumentError } from '../../errors/argument-error.ts';
import { systemReason } from '../../errors/one-line.ts';
import type { Operand } from '../../options/operand.ts';
import { parseSize } from '../../options/size.ts';
import type { ServeOptions } from './command.ts';
import { isMemory, memoryPrefix } from './source.ts';
import type { Upstreams } from './upstreams.ts';

/** Opens what an operand names, with the layers that the options put over it. */
export async function openSource(operand: Operand, options: ServeOptions, upstreams: Upstreams): Promise<BlockDevice> {
  const readOnly = options.readOnly === true || options.snapshot === true;
  return withLayers(await openOperand(operand, readOnly, upstreams), options);
}

/** Puts the layers that the options ask for over a device. */
export function withLayers(device: BlockDevice, options: ServeOptions): BlockDevice {
  const { snapshot: isSnapshot = false, allocationDepth = false, offset } = options;
  const sliced = offset === undefined ? device : createSliceLayer(device, { offset });
  const top = isSnapshot ? createOverlayLayer(sliced, { allocationDepth }) : sliced;
  return allocationDepth ? createAllocationDepthLayer(top) : top;
}

async function openOperand(operand: Operand, readOnly: boolean, upstreams: Upstreams): Promise<BlockDevice> {
  switch (operand.type) {
    case 'uri':
    case 'command':
      return upstreams.open(operand);
    case 'file': {
      const { path } = operand;
      if (!isMemory(path)) return upstreams.endWith(await openFile(path, readOnly));
      return createMemoryDevice({ size: parseSize(path.slice(memoryPrefix.length), 'memory'), readOnly });
    }
    case 'null':
    case 'stdio':
      throw argumentError(`'${operand.type === 'null' ? 'null:' : '-'}' cannot be served`);
  }
}

/** Errors of the system for a file that is there and must not be written. */
const unwritable: ReadonlySet<unknown> = new Set(['EACCES', 'EROFS', 'EPERM']);

export async function openFile(path: string, readOnly: boolean): Promise<FileDevice> {
  try {
    return await openFileDevice(path, { readOnly });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (readOnly || !unwritable.has(code) || !mayRead(path)) throw cause;
    throw argumentError(`${path} cannot be opened for writing: ${systemReason(cause)}`, { cause });
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
