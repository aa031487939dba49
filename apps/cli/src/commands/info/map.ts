/** `nbd info --map`: the extents of an export, printed as they come. */
import { UsageError } from '@nbdjs/interfaces';
import { totalExtents, walkExtentLists } from '@nbdjs/kit';
import { fetchAhead } from '../../connecting/fetch-ahead.ts';
import { openReadable } from '../../connecting/open-readable.ts';
import { describeOperand, type ReadableOperand } from '../../options/operand.ts';
import { mapJson, mapText, totalsJson, totalsText } from '../../render/map.ts';
import type { Terminal } from '../../terminal.ts';
import type { InfoOptions } from './command.ts';

/** This many lines are printed at a time: enough to be fast, and little to keep. */
const linesAtOnce = 4096;

export async function printMap(
  operand: ReadableOperand,
  options: InfoOptions & { readonly context: string },
  terminal: Terminal,
): Promise<number> {
  const { context, mode, json: isJson = false } = options;
  const { signal } = terminal;
  const { device, leave } = await openReadable(operand, options, terminal, { contexts: [context] });
  await using _ = leave;
  if (!device.abilities.contexts.includes(context)) {
    const message =
      operand.type === 'file' || operand.type === 'disk'
        ? `${describeOperand(operand)} has no metadata context "${context}", expected one of ${device.abilities.contexts.join(', ')}`
        : mode === 'simple'
          ? `there is no metadata context "${context}" with --mode simple: block maps need structured replies`
          : `server does not support metadata context "${context}"`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `--map: ${message}`);
  }
  const lists = fetchAhead(walkExtentLists(device, { context, signal }));
  const colours = terminal.colours('stdout', options.color);
  if (options.totals === true) {
    const { size } = device.geometry;
    const totals = await totalExtents(lists);
    await terminal.print(isJson ? totalsJson(context, totals, size) : totalsText(context, totals, size, colours));
    return 0;
  }
  const format = isJson ? mapJson(context) : mapText(context, colours);
  for await (const extents of lists) {
    for (let index = 0; index < extents.length; index += linesAtOnce) {
      await terminal.print(format.add(extents.slice(index, index + linesAtOnce)));
    }
  }
  await terminal.print(format.end());
  return 0;
}
