/** Opens what a command changes in place: an export of a server, a file, the disk in an image, or a disk in a store. */
import type { ConnectOptions } from '@nbdjs/client';
import { openFileDevice } from '@nbdjs/storage';
import { openFileOperand } from '../images/open-file.ts';
import { imageNotes } from '../images/opening.ts';
import type { ImageOptions } from '../images/options.ts';
import { loadObjects } from '../objects/load.ts';
import type { TargetDiskOptions } from '../objects/options.ts';
import type { ReadableOperand } from '../options/operand.ts';
import type { Terminal } from '../terminal.ts';
import { leaving } from './leaving.ts';
import type { Readable } from './open-readable.ts';
import { type Connecting, openServer } from './open-server.ts';

/** What it depends on. */
export type WritableOptions = Connecting & ImageOptions & TargetDiskOptions & { readonly quiet?: boolean | undefined };

/** Nothing is made: a file, an image or a disk has to be there. */
export async function openWritable(
  operand: ReadableOperand,
  options: WritableOptions,
  terminal: Terminal,
  connectOptions?: ConnectOptions,
): Promise<Readable> {
  if (operand.type === 'disk') {
    const { openDiskForWriting } = await loadObjects();
    const device = await openDiskForWriting(operand, options, terminal);
    return { device, leave: { [Symbol.asyncDispose]: () => device.close() } };
  }
  if (operand.type !== 'file') {
    const client = await openServer(operand, options, terminal, connectOptions);
    return { device: client, leave: leaving(client, terminal.signal) };
  }
  const { device } = await openFileOperand(operand.path, options, {
    isReading: false,
    openFile: (path, readOnly) => openFileDevice(path, { readOnly }),
    ...imageNotes(terminal, options.quiet),
  });
  return { device, leave: { [Symbol.asyncDispose]: () => device.close() } };
}
