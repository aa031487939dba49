/** `nbd objects gc`: removes objects that nothing needs. */
import { type Collection, type CollectionProgress, collectGarbage } from '@nbdjs/objects';
import type { StoreAddress } from '../../objects/disk-operand.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { createCountLine } from '../../render/count-line.ts';
import { exactJson } from '../../render/exact-json.ts';
import { roundedSize } from '../../render/human-size.ts';
import { numberOf } from '../../render/number-of.ts';
import type { GcOptions } from './command.ts';
import { inStore, isAllowed } from './in-store.ts';

export async function run({ terminal }: CommandContext, options: GcOptions, address: StoreAddress): Promise<number> {
  const { json, quiet, dryRun: isDryRun = false } = options;
  return await inStore(address, terminal, async (store, use) => {
    if (!isDryRun) {
      const question = `Remove all objects of ${store.name} that no disk and no snapshot needs (--dry-run counts them)?`;
      if (!(await isAllowed(question, options, terminal))) return 1;
    }
    const line = createCountLine(terminal, quiet === true);
    const onProgress = (progress: CollectionProgress): void => line.show(describe(progress));
    const found = await collectGarbage(store, { ...use, dryRun: isDryRun, onProgress }).finally(() => line.finish());
    await terminal.print(json === true ? `${exactJson(asJson(found, isDryRun))}\n` : asText(found, isDryRun));
    return 0;
  });
}

function describe({ phase, done, total }: CollectionProgress): string {
  switch (phase) {
    case 'list':
      return `${done} objects listed`;
    case 'survey':
      return `${done} manifests read`;
    case 'remove':
      return `${done} of ${total} objects removed`;
  }
}

function asText({ disks, named, young, removed, removedBytes }: Collection, isDryRun: boolean): string {
  const verb = isDryRun ? 'would be removed' : 'removed';
  return [
    `${numberOf(disks, 'disk')}, ${numberOf(named, 'object')} in use`,
    ...(young === 0 ? [] : [`${numberOf(young, 'object')} that a writer may still need`]),
    `${numberOf(removed, 'object')} ${verb}, ${roundedSize(removedBytes)}`,
    '',
  ].join('\n');
}

function asJson({ disks, named, young, removed, removedBytes }: Collection, isDryRun: boolean) {
  return { disks, 'in-use': named, young, removed, 'removed-bytes': removedBytes, 'dry-run': isDryRun };
}
