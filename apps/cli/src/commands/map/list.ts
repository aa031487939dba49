/** `nbd map --list`: the extents, printed as they come. */
import { allocationDepth, baseAllocation } from '@nbdjs/interfaces';
import { walkJointExtents } from '@nbdjs/kit';
import { fetchAhead } from '../../connecting/fetch-ahead.ts';
import { jointJson, jointText, layeredJson } from '../../render/joint-map.ts';
import { mapJson, mapText } from '../../render/map.ts';
import { extentLists, type MapJob } from './panels.ts';

/** This many lines are printed at a time: enough to be fast, and little to keep. */
const linesAtOnce = 4096;

/** One context is printed as nbdinfo prints it; several have columns beside each other. */
export async function printList(job: MapJob): Promise<void> {
  const { contexts, options, terminal } = job;
  const [context = '', ...others] = contexts;
  const colours = terminal.colours('stdout', options.color);
  if (isLayered(job)) {
    await printAll(job, jointLists(job, [baseAllocation, allocationDepth]), layeredJson(job.layers));
  } else if (others.length === 0) {
    const format = options.json === true ? mapJson(context, { isForQemu: true }) : mapText(context, colours);
    await printAll(job, extentLists(job, context), format);
  } else {
    await printAll(job, jointLists(job, contexts), options.json === true ? jointJson(contexts) : jointText(contexts));
  }
}

/** Of an image over others, JSON says which of them has each part, as that of qemu-img does. */
function isLayered(job: MapJob): job is MapJob & { readonly layers: number } {
  const { device, contexts, layers, options } = job;
  const isOnlyMap = contexts.length === 1 && contexts[0] === baseAllocation;
  return (
    isOnlyMap && options.json === true && layers !== undefined && device.abilities.contexts.includes(allocationDepth)
  );
}

function jointLists({ device, range, terminal: { signal } }: MapJob, contexts: readonly string[]) {
  return fetchAhead(walkJointExtents(device, { ...range, contexts, signal }));
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
