/** `nbd map --totals`: how much has which status. */
import { totalExtents } from '@nbdjs/kit';
import { totalsJson, totalsText } from '../../render/map.ts';
import { extentLists, type MapJob } from './panels.ts';

/** One context is printed as nbdinfo prints it; several follow each other under their names. */
export async function printTotals(job: MapJob): Promise<void> {
  const { contexts, options, range, terminal } = job;
  const colours = terminal.colours('stdout', options.color);
  const isJson = options.json === true;
  const parts: string[] = [];
  for (const context of contexts) {
    const totals = await totalExtents(extentLists(job, context));
    const text = isJson
      ? totalsJson(context, totals, range.length)
      : totalsText(context, totals, range.length, colours);
    if (contexts.length === 1) parts.push(text);
    else parts.push(isJson ? `${JSON.stringify(context)}: ${text.trimEnd()}` : `${context}\n${text}`);
  }
  await terminal.print(isJson && contexts.length > 1 ? `{\n${parts.join(',\n')}\n}\n` : parts.join(''));
}
