/** `nbd objects clone`: makes a disk of a snapshot. */
import { resolve } from 'node:path';
import { cloneDisk } from '@nbdjs/objects';
import { argumentError } from '../../errors/argument-error.ts';
import { type DiskOperand, isStoreWord, parseWholeDisk, type StoreAddress } from '../../objects/disk-operand.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { CloneOptions } from './command.ts';
import { inStore } from './in-store.ts';

export async function run(
  { terminal }: CommandContext,
  _options: CloneOptions,
  { store: address, disk, snapshot, word }: DiskOperand & { readonly snapshot: string },
  target: string,
): Promise<number> {
  const clone = isStoreWord(target) ? parseWholeDisk(target) : { store: address, disk: target };
  if (!isSameStore(address, clone.store)) {
    throw argumentError(`${target} is in another store than ${word}: a clone shares objects; to copy, use nbd copy`);
  }
  await inStore(address, terminal, (store, use) => cloneDisk(store, { disk, snapshot }, clone.disk, use));
  return 0;
}

function isSameStore(one: StoreAddress, other: StoreAddress): boolean {
  if (one.kind === 'folder' && other.kind === 'folder') return resolve(one.path) === resolve(other.path);
  return JSON.stringify(one) === JSON.stringify(other);
}
