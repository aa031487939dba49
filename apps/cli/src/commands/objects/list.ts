/** `nbd objects list`: all disks of a store. */
import { type DiskFacts, inspectDisk, isStoreError, listDisks } from '@nbdjs/objects';
import type { StoreAddress } from '../../objects/disk-operand.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { alignedRows } from '../../render/aligned-rows.ts';
import { exactJson } from '../../render/exact-json.ts';
import { exactSize } from '../../render/human-size.ts';
import type { ListOptions } from './command.ts';
import { factsJson } from './disk-facts.ts';
import { inStore } from './in-store.ts';

export async function run({ terminal }: CommandContext, { json }: ListOptions, address: StoreAddress): Promise<number> {
  const disks = await inStore(address, terminal, async (store, use) => {
    const facts: DiskFacts[] = [];
    for (const name of await listDisks(store, use)) {
      try {
        facts.push(await inspectDisk(store, name, use));
      } catch (error) {
        // It was deleted a moment ago.
        if (!isStoreError(error, 'ERR_NBD_STORE_NOT_FOUND')) throw error;
      }
    }
    return facts;
  });
  await terminal.print(
    json === true ? `${exactJson({ disks: disks.map((facts) => factsJson(facts)) })}\n` : textOf(disks),
  );
  return 0;
}

function textOf(disks: readonly DiskFacts[]): string {
  const rows = disks.map(({ name, size, snapshots, writer }) => [
    name,
    exactSize(BigInt(size)),
    String(snapshots.length),
    writer?.label ?? '-',
  ]);
  return alignedRows([['disk', 'size', 'snapshots', 'writer'], ...rows]);
}
