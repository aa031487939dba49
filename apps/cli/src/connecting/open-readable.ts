/** Opens what a command reads: an export of a server, a file, or the disk in an image. */
import type { ConnectOptions } from '@nbdjs/client';
import type { BlockDevice } from '@nbdjs/interfaces';
import { loadFiles } from '../images/load-for-info.ts';
import { type ImageOptions, requireFiles } from '../images/options.ts';
import { loadObjects } from '../objects/load.ts';
import { describeOperand, type ReadableOperand } from '../options/operand.ts';
import type { Terminal } from '../terminal.ts';
import { leaving } from './leaving.ts';
import { type Connecting, openServer } from './open-server.ts';

export interface Readable {
  readonly device: BlockDevice;
  /** Closes the device when the block is left (`await using`). */
  readonly leave: AsyncDisposable;
  /** Of a file: how many images its disk is made of, one over the other. */
  readonly layers?: number | undefined;
}

/** Servers are connected to without loading what files need. */
export async function openReadable(
  operand: ReadableOperand,
  options: Connecting & ImageOptions,
  terminal: Terminal,
  connectOptions?: ConnectOptions,
): Promise<Readable> {
  requireFiles(options, [operand]);
  if (operand.type === 'disk') {
    const { openDiskForReading } = await loadObjects();
    const device = await openDiskForReading(operand, options, terminal);
    return partOf(device, { [Symbol.asyncDispose]: () => device.close() }, operand, options, terminal);
  }
  if (operand.type !== 'file') {
    const client = await openServer(operand, options, terminal, connectOptions);
    return partOf(client, leaving(client, terminal.signal), operand, options, terminal);
  }
  const { openForReading } = await loadFiles();
  const { device, parts = [] } = await openForReading(operand.path, options, terminal);
  const layers = 1 + parts.filter(({ kind }) => kind === 'backing').length;
  return { device, leave: { [Symbol.asyncDispose]: () => device.close() }, layers };
}

/** The partition that the options name, or all of a device. */
async function partOf(
  whole: BlockDevice,
  leave: AsyncDisposable,
  operand: ReadableOperand,
  options: ImageOptions,
  { signal }: Terminal,
): Promise<Readable> {
  if (options.partition === undefined) return { device: whole, leave };
  try {
    const { openPartitionOf } = await loadFiles();
    const { device } = await openPartitionOf({ device: whole, steps: [] }, describeOperand(operand), options, {
      signal,
    });
    return { device, leave };
  } catch (error) {
    await leave[Symbol.asyncDispose]();
    throw error;
  }
}
