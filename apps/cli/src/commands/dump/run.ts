/** `nbd dump`: an export as hexadecimal digits. */
import { UsageError } from '@nbdjs/interfaces';
import { withTls } from '../../connecting/client-tls.ts';
import { leaving } from '../../connecting/leaving.ts';
import { openServer } from '../../connecting/open-server.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { ServerOperand } from '../../options/operand.ts';
import { Hexdump } from '../../render/hexdump.ts';
import type { DumpOptions } from './command.ts';
import { readRange } from './read-range.ts';

export async function run({ terminal }: CommandContext, options: DumpOptions, server: ServerOperand): Promise<number> {
  const client = await openServer(withTls(server, options), options, terminal);
  await using _ = leaving(client, terminal.signal);
  const { size } = client.geometry;
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
  for await (const piece of readRange(client, offset, length, options, terminal)) {
    if (typeof piece === 'bigint') hexdump.writeZeroes(piece);
    else hexdump.write(piece);
    await terminal.print(text);
    text = '';
  }
  hexdump.end({ isExportEnd: length === left });
  await terminal.print(text);
  return 0;
}
