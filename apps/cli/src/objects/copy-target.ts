/** A disk in a store as the destination of a copy: it is made if it is not there. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { createDisk, inspectDisk, isStoreError } from '@nbdjs/objects';
import { argumentError } from '../errors/argument-error.ts';
import type { Terminal } from '../terminal.ts';
import type { DiskOperand } from './disk-operand.ts';
import { openDiskForWriting } from './open-disk.ts';
import { openStore } from './open-store.ts';
import type { TargetDiskOptions } from './options.ts';
import { growInSteps, type SteppedGrowth } from './stepped-growth.ts';
import { storeNotes } from './store-notes.ts';

export interface TargetDisk extends Partial<SteppedGrowth> {
  readonly device: BlockDevice;
  /** It was made just now, and reads as zeroes. */
  readonly isNew: boolean;
}

/**
 * Opens the destination of a copy.
 *
 * @param size of a disk that is made, in bytes; `undefined` when it is not known: the disk grows with the copy then
 */
export async function openTargetDisk(
  operand: DiskOperand,
  size: bigint | undefined,
  options: TargetDiskOptions,
  terminal: Pick<Terminal, 'signal' | 'note'>,
): Promise<TargetDisk> {
  if (operand.snapshot !== undefined) throw argumentError(`${operand.word}: a snapshot can only be read`);
  const isNew = await makeDisk(operand, size ?? 0n, options, terminal);
  const device = await openDiskForWriting(operand, options, terminal);
  return { device, isNew, ...(isNew && size === undefined ? growInSteps(device) : {}) };
}

/** Returns whether the disk was not there. */
async function makeDisk(
  { store: address, disk, word }: DiskOperand,
  size: bigint,
  { objectSize, quiet }: TargetDiskOptions,
  terminal: Pick<Terminal, 'note'>,
): Promise<boolean> {
  const { onNotice, onRetry } = storeNotes(terminal, quiet);
  const store = await openStore(address, { onNotice }, true);
  const use = { clock: systemClock, onRetry };
  try {
    await inspectDisk(store, disk, use);
    if (objectSize !== undefined) throw argumentError(`--object-size: ${word} is there already`);
    return false;
  } catch (error) {
    if (!isStoreError(error, 'ERR_NBD_STORE_NOT_FOUND')) throw error;
    await createDisk(store, disk, { ...use, size, ...(objectSize === undefined ? {} : { objectBytes: objectSize }) });
    return true;
  } finally {
    await store.close();
  }
}
