/** `nbd objects delete`: deletes a disk, or a snapshot. */
import { deleteDisk, deleteSnapshot, inspectDisk } from '@nbdjs/objects';
import type { DiskOperand } from '../../objects/disk-operand.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { exactSize } from '../../render/human-size.ts';
import { numberOf } from '../../render/number-of.ts';
import { printable } from '../../render/printable.ts';
import type { DeleteOptions } from './command.ts';
import { inStore, isAllowed } from './in-store.ts';

export async function run(
  { terminal }: CommandContext,
  options: DeleteOptions,
  { store: address, disk, snapshot, word }: DiskOperand,
): Promise<number> {
  return await inStore(address, terminal, async (store, use) => {
    const deletion = { ...use, force: options.force === true };
    const { size, snapshots, writer } = await inspectDisk(store, disk, use);
    const parts = [
      exactSize(BigInt(size)),
      ...(snapshots.length === 0 ? [] : [`with ${numberOf(snapshots.length, 'snapshot')}`]),
      ...(writer === undefined ? [] : [`in use by ${printable(writer.label)}`]),
    ];
    const what = snapshot === undefined ? `disk ${word} (${parts.join(', ')})` : `snapshot ${word}`;
    if (!(await isAllowed(`Delete ${what}?`, options, terminal))) return 1;
    if (snapshot === undefined) await deleteDisk(store, disk, deletion);
    else await deleteSnapshot(store, disk, snapshot, deletion);
    return 0;
  });
}
