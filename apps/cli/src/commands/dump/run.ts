/** `nbd dump`: an export as hexadecimal digits. */
import { withTls } from '../../connecting/client-tls.ts';
import { openReadable } from '../../connecting/open-readable.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { ReadableOperand } from '../../options/operand.ts';
import { rangeOf } from '../../options/range.ts';
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
  const { offset, length } = rangeOf(size, options);

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
  hexdump.end({ isExportEnd: offset + length === size });
  await terminal.print(text);
  return 0;
}
