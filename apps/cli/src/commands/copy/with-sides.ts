/** Commands that only read: opening what they read from, and closing it in good order. */
import { argumentError } from '../../errors/argument-error.ts';
import type { ImageOptions } from '../../images/options.ts';
import type { Operand } from '../../options/operand.ts';
import type { Terminal } from '../../terminal.ts';
import type { DeviceSide } from './side.ts';
import { type SideOptions, Sides } from './sides.ts';

/**
 * Opens something to read from, or the part of it that the options choose; a stream is refused. `format`: of a file, in place of that of the
 * options.
 */
export type OpenSide = (operand: Operand, format?: ImageOptions['format']) => Promise<DeviceSide>;

/** Does work on devices. Everything is closed when it settles; when the program is interrupted, requests in flight end with their connections. */
export async function withSides<Result>(
  options: SideOptions,
  terminal: Terminal,
  work: (open: OpenSide) => Promise<Result>,
): Promise<Result> {
  const { signal } = terminal;
  const sides = new Sides(options, false, terminal);
  const onAbort = (): void => sides.destroy(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const result = await work((operand, format) => openDeviceSide(sides, operand, format));
    await sides.close();
    return result;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    sides.destroy();
    await sides.close().catch(() => {});
  }
}

async function openDeviceSide(sides: Sides, operand: Operand, format: ImageOptions['format']): Promise<DeviceSide> {
  const side = await sides.openSource(operand, format);
  if (side.type === 'device') return side;
  throw argumentError('a stream cannot be used here: expected a server, a file or a block device');
}
