/** Disks in stores of objects, as they are named on the command line: `folder:PATH#DISK`, `folder:PATH#DISK@SNAPSHOT`. */
import { argumentError } from '../errors/argument-error.ts';

/** Where objects are. */
export interface StoreAddress {
  readonly kind: 'folder';
  readonly path: string;
}

/** A disk in a store. */
export interface DiskOperand {
  readonly type: 'disk';
  /** As it was written. */
  readonly word: string;
  readonly store: StoreAddress;
  readonly disk: string;
  readonly snapshot?: string | undefined;
}

const folderScheme = 'folder:';

/** Whether a word names a store, or a disk in one. */
export function isStoreWord(word: string): boolean {
  return word.startsWith(folderScheme);
}

/** Parses a disk. @throws UsageError when a part is missing. */
export function parseDisk(word: string): DiskOperand {
  const place = word.lastIndexOf('#');
  const name = place < 0 ? '' : word.slice(place + 1);
  const [disk = '', snapshot, ...rest] = name.split('@');
  if (!isStoreWord(word) || disk === '' || snapshot === '' || rest.length > 0) {
    throw argumentError(`'${word}' is not a disk in a store, expected folder:PATH#DISK or folder:PATH#DISK@SNAPSHOT`);
  }
  return { type: 'disk', word, store: addressOf(word.slice(0, place)), disk, snapshot };
}

/** Parses a disk whose snapshot must not be named. */
export function parseWholeDisk(word: string): DiskOperand {
  const operand = parseDisk(word);
  if (operand.snapshot === undefined) return operand;
  throw argumentError(`'${word}' names a snapshot, expected a disk: folder:PATH#DISK`);
}

/** Parses a snapshot of a disk. */
export function parseSnapshot(word: string): DiskOperand & { readonly snapshot: string } {
  const { snapshot, ...operand } = parseDisk(word);
  if (snapshot !== undefined) return { ...operand, snapshot };
  throw argumentError(`'${word}' names no snapshot, expected folder:PATH#DISK@SNAPSHOT`);
}

/** Returns the snapshot of a disk that is meant, by its word or by --snapshot-name; `undefined` for the disk itself. */
export function snapshotOf({ snapshot, word }: DiskOperand, snapshotName: string | undefined): string | undefined {
  if (snapshot === undefined || snapshotName === undefined) return snapshot ?? snapshotName;
  throw argumentError(`${word} names a snapshot, and --snapshot-name another one`);
}

/** Parses a store without a disk. */
export function parseStore(word: string): StoreAddress {
  if (!isStoreWord(word) || word.includes('#')) {
    throw argumentError(`'${word}' is not a store of objects, expected folder:PATH`);
  }
  return addressOf(word);
}

/** Parses a store, or one disk in it. */
export function parseStoreOrDisk(word: string): { readonly store: StoreAddress; readonly disk?: string } {
  return word.includes('#') ? parseWholeDisk(word) : { store: parseStore(word) };
}

function addressOf(word: string): StoreAddress {
  const path = word.slice(folderScheme.length);
  if (path === '') throw argumentError(`'${word}' has no path, expected folder:PATH`);
  return { kind: 'folder', path };
}
