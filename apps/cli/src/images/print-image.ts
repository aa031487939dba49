/** `nbd info FILE` */
import { oneLine } from '../errors/one-line.ts';
import { imageJson } from '../render/image-json.ts';
import { imageText } from '../render/image-text.ts';
import type { Terminal } from '../terminal.ts';
import { describeImage } from './describe-image.ts';
import { openForReading } from './open-for-reading.ts';
import type { ImageOptions } from './options.ts';

export interface PrintOptions extends ImageOptions {
  readonly json?: boolean | undefined;
  /** Print the size of the disk only. */
  readonly size?: boolean | undefined;
  readonly color?: boolean | undefined;
}

/** Prints what is in a file. Resolves to the exit code. */
export async function printImage(path: string, options: PrintOptions, terminal: Terminal): Promise<number> {
  if (options.size === true) {
    const { device } = await openForReading(path, options, terminal);
    const { size } = device.geometry;
    await device.close();
    await terminal.print(`${size}\n`);
    return 0;
  }
  const description = await describeImage(path, options, terminal);
  const { error } = description;
  if (error !== undefined) terminal.note(`${terminal.colours('stderr').red('nbd:')} ${oneLine(error)}`);
  const text =
    options.json === true ? imageJson(description) : imageText(description, terminal.colours('stdout', options.color));
  await terminal.print(text);
  return error === undefined ? 0 : 1;
}
