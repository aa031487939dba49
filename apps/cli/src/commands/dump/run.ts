/** `nbd dump`: an export as hexadecimal digits. */
import { UsageError } from '@nbdjs/interfaces';
import { withTls } from '../../connecting/client-tls.ts';
import { openReadable } from '../../connecting/open-readable.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { ReadableOperand } from '../../options/operand.ts';
import { Hexdump } from '../../render/hexdump.ts';
import type { DumpOptions } from './command.ts';
import { readRange } from './read-range.ts';

export async function run(
  { terminal }: CommandContext,
  options: DumpOptions,
  operand: ReadableOperand,
): Promise<number> {
  const { device, leave } = await openReadable(withTls(operand, options), options, terminal);
  await using _ = leave;
  const { size } = device.geometry;
  const { offset = 0n, length: lengthMax } = options;
  if (offset > size) {
    throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `--offset: ${offset} lies after the export's end at ${size}`);
  }
  const left = size - offset;
  const length = lengthMax === undefined || lengthMax > left ? left : lengthMax;

  let text = '';
  const collect = (lines: string): void => {
    text += lines;
  };
  const hexdump = new Hexdump(offset, collect, terminal.colours('stdout', options.color));
  for await (const piece of readRange(device, offset, length, options, terminal)) {
    if (typeof piece === 'bigint') hexdump.writeZeroes(piece);
    else hexdump.write(piece);
    await terminal.print(text);
    text = '';
  }
  hexdump.end({ isExportEnd: length === left });
  await terminal.print(text);
  return 0;
}
