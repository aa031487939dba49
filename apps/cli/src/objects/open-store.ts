/** Opens the store that an operand names. */
import type { ObjectStore } from '@nbdjs/objects';
import { openFolderStore } from '@nbdjs/objects/folder';
import type { StoreAddress } from './disk-operand.ts';

/** @param create makes a folder into a store */
export async function openStore(address: StoreAddress, create = false): Promise<ObjectStore> {
  switch (address.kind) {
    case 'folder':
      return openFolderStore(address.path, { create });
  }
}
