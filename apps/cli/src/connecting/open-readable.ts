/** Opens what a command reads: an export of a server, a file, or the disk in an image. */
import type { ConnectOptions } from '@nbdjs/client';
import type { BlockDevice } from '@nbdjs/interfaces';
import { loadFiles } from '../images/load-for-info.ts';
import { type ImageOptions, requireFiles } from '../images/options.ts';
import { describeOperand, type ReadableOperand } from '../options/operand.ts';
import type { Terminal } from '../terminal.ts';
import { leaving } from './leaving.ts';
import { type Connecting, openServer } from './open-server.ts';

export interface Readable {
  readonly device: BlockDevice;
  /** Closes the device when the block is left (`await using`). */
  readonly leave: AsyncDisposable;
}

/** Servers are connected to without loading what files need. */
export async function openReadable(
  operand: ReadableOperand,
  options: Connecting & ImageOptions,
  terminal: Terminal,
  connectOptions?: ConnectOptions,
): Promise<Readable> {
  requireFiles(options, [operand]);
  if (operand.type !== 'file') {
    const client = await openServer(operand, options, terminal, connectOptions);
    const leave = leaving(client, terminal.signal);
    if (options.partition === undefined) return { device: client, leave };
    try {
      const { openPartitionOf } = await loadFiles();
      const disk = { device: client, steps: [] };
      const { device } = await openPartitionOf(disk, describeOperand(operand), options, { signal: terminal.signal });
      return { device, leave };
    } catch (error) {
      await leave[Symbol.asyncDispose]();
      throw error;
    }
  }
  const { openForReading } = await loadFiles();
  const { device } = await openForReading(operand.path, options, terminal);
  return { device, leave: { [Symbol.asyncDispose]: () => device.close() } };
}
