/** What is behind the exports of `nbd serve`, and what `nbd mount` mounts: files, memory, other servers, and layers over them. */
import { accessSync, constants } from 'node:fs';
import type { BlockDevice } from '@nbdjs/interfaces';
import {
  createAllocationDepthLayer,
  createHoleLayer,
  createMemoryDevice,
  createOverlayLayer,
  createSliceLayer,
  type FileDevice,
  openFileDevice,
} from '@nbdjs/storage';
import type { Upstreams } from '../../connecting/upstreams.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { systemReason } from '../../errors/one-line.ts';
import { loadImages } from '../../images/load.ts';
import { openFileOperand } from '../../images/open-file.ts';
import { type ImageOpening, imageNotes } from '../../images/opening.ts';
import type { ImageOptions } from '../../images/options.ts';
import { loadObjects } from '../../objects/load.ts';
import type { LostDisks } from '../../objects/lost-disks.ts';
import type { ServedDiskOptions } from '../../objects/options.ts';
import { describeOperand, type Operand } from '../../options/operand.ts';
import { parseSize } from '../../options/size.ts';
import type { Terminal } from '../../terminal.ts';
import { isMemory, memoryPrefix } from './source.ts';

/** What opening depends on. */
export interface SourceOptions extends ImageOptions, ServedDiskOptions {
  readonly readOnly?: boolean | undefined;
  readonly snapshot?: boolean | undefined;
  readonly offset?: bigint | undefined;
  readonly allocationDepth?: boolean | undefined;
  readonly discard?: 'unmap' | 'ignore' | undefined;
  readonly detectZeroes?: keyof typeof writtenZeroes | undefined;
  readonly quiet?: boolean | undefined;
}

/** Opens what an operand names, with the layers that the options put over it. */
export async function openSource(
  operand: Operand,
  options: SourceOptions,
  { upstreams, lostDisks, terminal }: SourceParts,
): Promise<BlockDevice> {
  if (operand.type !== 'disk') return withLayers(await openOperand(operand, options, upstreams, terminal), options);
  const { openDiskForReading, openDiskForWriting } = await loadObjects();
  const isSnapshot = operand.snapshot !== undefined || options.snapshotName !== undefined;
  const device =
    isReading(options) || isSnapshot
      ? await openDiskForReading(operand, options, terminal)
      : await openDiskForWriting(operand, options, terminal, (error) => lostDisks.add(error));
  try {
    return withLayers(await partitionOf(device, operand.word, options, terminal), options);
  } catch (error) {
    await device.close();
    throw error;
  }
}

/** What sources need besides their options. */
export interface SourceParts {
  readonly upstreams: Upstreams;
  readonly lostDisks: LostDisks;
  readonly terminal: Terminal;
}

/** What written zeroes become, by the words of QEMU. */
const writtenZeroes = { off: 'data', on: 'zeroed', unmap: 'hole' } as const;

/** Without a word about holes there is no layer, which has its price. */
function withHoles(device: BlockDevice, { discard = 'unmap', detectZeroes = 'off' }: SourceOptions): BlockDevice {
  const holes = discard === 'unmap';
  if (holes && detectZeroes === 'off') return device;
  return createHoleLayer(device, { holes, writtenZeroes: writtenZeroes[detectZeroes] });
}

/** Puts the layers that the options ask for over a device. */
export function withLayers(device: BlockDevice, options: SourceOptions): BlockDevice {
  const { snapshot: isSnapshot = false, allocationDepth = false, offset } = options;
  const holed = withHoles(device, options);
  const sliced = offset === undefined ? holed : createSliceLayer(holed, { offset });
  const top = isSnapshot ? createOverlayLayer(sliced, { allocationDepth }) : sliced;
  return allocationDepth ? createAllocationDepthLayer(top) : top;
}

async function openOperand(
  operand: Exclude<Operand, { type: 'disk' }>,
  options: SourceOptions,
  upstreams: Upstreams,
  terminal: Terminal,
): Promise<BlockDevice> {
  switch (operand.type) {
    case 'uri':
    case 'command':
      return partitionOf(await upstreams.open(operand), describeOperand(operand), options, terminal);
    case 'file': {
      const { path } = operand;
      if (!isMemory(path)) {
        const open = async (file: string, readOnly: boolean) => upstreams.endWith(await openFile(file, readOnly));
        return openFileSource(path, options, { openFile: open, ...imageNotes(terminal, options.quiet) });
      }
      const readOnly = isReading(options);
      return createMemoryDevice({ size: parseSize(path.slice(memoryPrefix.length), 'memory'), readOnly });
    }
    case 'null':
    case 'stdio':
      throw argumentError(`'${operand.type === 'null' ? 'null:' : '-'}' cannot be served`);
  }
}

/** The partition of a server's disk that is asked for, or the whole disk. */
async function partitionOf(
  device: BlockDevice,
  name: string,
  options: SourceOptions,
  { signal }: Terminal,
): Promise<BlockDevice> {
  if (options.partition === undefined) return device;
  const { openPartitionOf } = await loadImages();
  return (await openPartitionOf({ device, steps: [] }, name, options, { signal })).device;
}

/** Opens a file, or the disk in an image, and says so where clients would expect to write to it. */
export async function openFileSource(
  path: string,
  options: SourceOptions,
  opening: Omit<ImageOpening, 'isReading'>,
): Promise<BlockDevice> {
  const isRead = isReading(options);
  const { device, steps } = await openFileOperand(path, options, { ...opening, isReading: isRead });
  if (!isRead && device.abilities.readOnly) {
    opening.note(`${path}: opened as ${steps.join(', ')}, for reading only; --format raw serves the file as it is`);
  }
  return device;
}

function isReading({ readOnly, snapshot }: SourceOptions): boolean {
  return readOnly === true || snapshot === true;
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
