/** Opens the store that an operand names. */
import type { ObjectStore } from '@nbdjs/objects';
import { openFolderStore } from '@nbdjs/objects/folder';
import type { StoreAddress } from './disk-operand.ts';
import type { StoreNotes } from './store-notes.ts';

/** @param create makes a folder into a store; a bucket has to be there */
export async function openStore(
  address: StoreAddress,
  { onNotice }: Pick<StoreNotes, 'onNotice'>,
  create = false,
): Promise<ObjectStore> {
  if (address.kind === 'folder') return openFolderStore(address.path, { create });
  // It takes longer to load than all the rest.
  const { createS3Store } = await import('@nbdjs/s3');
  const { kind: _, ...options } = address;
  return createS3Store({ ...options, onNotice });
}
