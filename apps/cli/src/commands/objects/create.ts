/** `nbd objects create`: makes a disk. */
import { createDisk } from '@nbdjs/objects';
import type { DiskOperand } from '../../objects/disk-operand.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { CreateOptions } from './command.ts';
import { inStore } from './in-store.ts';

export async function run(
  { terminal }: CommandContext,
  { objectSize }: CreateOptions,
  { store: address, disk }: DiskOperand,
  size: bigint,
): Promise<number> {
  const objectBytes = objectSize === undefined ? {} : { objectBytes: objectSize };
  await inStore(address, terminal, (store, use) => createDisk(store, disk, { ...use, size, ...objectBytes }), true);
  return 0;
}
