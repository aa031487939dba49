/** `nbd create`: as `qemu-img create`, but a file that is there is not replaced without being told. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { argumentError } from '../../errors/argument-error.ts';
import { describeBacking } from '../../images/describe-backing.ts';
import { formatOfName } from '../../images/formats.ts';
import { loadImages } from '../../images/load.ts';
import { shapeOf } from '../../images/new-image-options.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { exactJson } from '../../render/exact-json.ts';
import { exactSize } from '../../render/human-size.ts';
import type { Terminal } from '../../terminal.ts';
import type { CreateOptions } from './command.ts';

export async function run(
  { terminal }: CommandContext,
  options: CreateOptions,
  path: string,
  given: bigint | undefined,
): Promise<number> {
  const format = options.format ?? (formatOfName(path) === 'qcow2' ? 'qcow2' : 'raw');
  requireFormat(path, format, options);
  await requireReplaceable(path, options);
  const backing = await backingOf(path, options, terminal);
  const size = given ?? backing?.size;
  if (size === undefined) throw argumentError('the size of the disk is missing: nbd create FILE SIZE, such as 20G');
  if (size % 512n !== 0n && format === 'qcow2') {
    throw argumentError(`the size ${size} is no multiple of 512, as it has to be for qcow2`);
  }
  const { createDisk } = await loadImages();
  const { dataFile, rawDataFile, lazyRefcounts } = options;
  if (dataFile !== undefined) {
    const data = resolve(dirname(path), dataFile);
    await requireReplaceable(data, options);
    await createDisk({ path: data, size, shape: undefined });
  }
  const shape = {
    ...shapeOf(options),
    ...(backing === undefined ? {} : { backing: options.backing, backingFormat: backing.format }),
    ...(dataFile === undefined ? {} : { dataFile }),
    ...(rawDataFile === undefined ? {} : { rawDataFile }),
    ...(lazyRefcounts === undefined ? {} : { lazyRefcounts }),
  };
  await createDisk({ path, size, shape: format === 'qcow2' ? shape : undefined });
  if (options.json === true) {
    const value = { filename: path, format, 'virtual-size': size, 'backing-filename': options.backing };
    await terminal.print(`${exactJson(value)}\n`);
  } else if (options.quiet !== true) {
    const over = backing === undefined ? '' : `, over ${options.backing} (${backing.format})`;
    await terminal.print(`${path}: ${format}, ${exactSize(size)}${over}\n`);
  }
  return 0;
}

/** @throws UsageError for names of formats that cannot be made, and for options of qcow2 with others. */
function requireFormat(path: string, format: 'qcow2' | 'raw', options: CreateOptions): void {
  const stated = formatOfName(path);
  if (options.format === undefined && stated !== undefined && stated !== 'qcow2' && stated !== 'raw') {
    throw argumentError(
      `${path}: ${stated} cannot be created here, qcow2 and raw can; --format raw makes a file of zeroes`,
    );
  }
  if (format === 'qcow2') return;
  const names = [
    'backing',
    'backingFormat',
    'dataFile',
    'rawDataFile',
    'clusterSize',
    'extendedL2',
    'refcountBits',
    'qcow2Version',
    'lazyRefcounts',
  ] as const;
  const found = names.find((name) => options[name] !== undefined);
  if (found === undefined) return;
  const option = found.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw argumentError(`--${option}: a raw file has none; --format qcow2 makes an image`);
}

async function requireReplaceable(path: string, { force }: CreateOptions): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || (stats.isFile() && (stats.size === 0 || force === true))) return;
  if (!stats.isFile()) throw argumentError(`${path} is no regular file`);
  throw argumentError(`${path} exists already, and has ${stats.size} bytes; --force replaces it`);
}

async function backingOf(path: string, options: CreateOptions, terminal: Terminal) {
  if (options.backing === undefined) return undefined;
  const { device, format } = await describeBacking(path, options.backing, options, terminal);
  const { size } = device.geometry;
  await device.close();
  return { size, format };
}
