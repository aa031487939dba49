/** Opens what a command reads: an export of a server, a file, or the disk in an image. */
import type { ConnectOptions } from '@nbdjs/client';
import type { BlockDevice } from '@nbdjs/interfaces';
import { loadFiles } from '../images/load-for-info.ts';
import type { ImageOptions } from '../images/options.ts';
import type { ReadableOperand } from '../options/operand.ts';
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
  if (operand.type !== 'file') {
    const client = await openServer(operand, options, terminal, connectOptions);
    return { device: client, leave: leaving(client, terminal.signal) };
  }
  const { openForReading } = await loadFiles();
  const { device } = await openForReading(operand.path, options, terminal);
  return { device, leave: { [Symbol.asyncDispose]: () => device.close() } };
}
