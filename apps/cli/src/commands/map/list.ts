/** `nbd map --list`: the extents, printed as they come. */
import { walkJointExtents } from '@nbdjs/kit';
import { fetchAhead } from '../../connecting/fetch-ahead.ts';
import { jointJson, jointText } from '../../render/joint-map.ts';
import { mapJson, mapText } from '../../render/map.ts';
import { extentLists, type MapJob } from './panels.ts';

/** This many lines are printed at a time: enough to be fast, and little to keep. */
const linesAtOnce = 4096;

/** One context is printed as nbdinfo prints it; several have columns beside each other. */
export async function printList(job: MapJob): Promise<void> {
  const { device, range, contexts, options, terminal } = job;
  const [context = '', ...others] = contexts;
  const colours = terminal.colours('stdout', options.color);
  if (others.length === 0) {
    const format = options.json === true ? mapJson(context, { isForQemu: true }) : mapText(context, colours);
    await printAll(job, extentLists(job, context), format);
  } else {
    const lists = fetchAhead(walkJointExtents(device, { ...range, contexts, signal: terminal.signal }));
    await printAll(job, lists, options.json === true ? jointJson(contexts) : jointText(contexts));
  }
}

interface Format<Item> {
  add(items: readonly Item[]): string;
  end(): string;
}

async function printAll<Item>(
  { terminal }: MapJob,
  lists: AsyncIterable<readonly Item[]>,
  format: Format<Item>,
): Promise<void> {
  for await (const items of lists) {
    for (let index = 0; index < items.length; index += linesAtOnce) {
      await terminal.print(format.add(items.slice(index, index + linesAtOnce)));
    }
  }
  await terminal.print(format.end());
}
