/** `nbd objects snapshot`: keeps the state of a disk. */
import { createSnapshot } from '@nbdjs/objects';
import type { DiskOperand } from '../../objects/disk-operand.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { SnapshotOptions } from './command.ts';
import { inStore } from './in-store.ts';

export async function run(
  { terminal }: CommandContext,
  _options: SnapshotOptions,
  { store: address, disk, snapshot }: DiskOperand & { readonly snapshot: string },
): Promise<number> {
  await inStore(address, terminal, (store, use) => createSnapshot(store, disk, snapshot, use));
  return 0;
}
