/**
 * Disks in stores of objects, as they are named on the command line: `folder:PATH#DISK`, `s3://BUCKET/DISK?endpoint=URL`, each with
 * `@SNAPSHOT` behind the disk.
 */
import { argumentError } from '../errors/argument-error.ts';
import { isBucketUri, parseBucketUri, type S3Address } from './s3-operand.ts';

/** Where objects are. */
export type StoreAddress = { readonly kind: 'folder'; readonly path: string } | S3Address;

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
  return word.startsWith(folderScheme) || isBucketUri(word);
}

/** Parses a disk. @throws UsageError when a part is missing. */
export function parseDisk(word: string): DiskOperand {
  const { store, name } = isBucketUri(word) ? parseBucketUri(word) : splitFolder(word);
  const [disk = '', snapshot, ...rest] = name.split('@');
  if (store === undefined || disk === '' || snapshot === '' || rest.length > 0) {
    throw argumentError(
      `'${word}' is not a disk in a store, expected folder:PATH#DISK or s3://BUCKET/DISK, with @SNAPSHOT for a snapshot`,
    );
  }
  return { type: 'disk', word, store, disk, snapshot };
}

/** Parses a disk whose snapshot must not be named. */
export function parseWholeDisk(word: string): DiskOperand {
  const operand = parseDisk(word);
  if (operand.snapshot === undefined) return operand;
  throw argumentError(`'${word}' names a snapshot, expected a disk without it`);
}

/** Parses a snapshot of a disk. */
export function parseSnapshot(word: string): DiskOperand & { readonly snapshot: string } {
  const { snapshot, ...operand } = parseDisk(word);
  if (snapshot !== undefined) return { ...operand, snapshot };
  throw argumentError(`'${word}' names no snapshot, expected DISK@SNAPSHOT`);
}

/** Returns the snapshot of a disk that is meant, by its word or by --snapshot-name; `undefined` for the disk itself. */
export function snapshotOf({ snapshot, word }: DiskOperand, snapshotName: string | undefined): string | undefined {
  if (snapshot === undefined || snapshotName === undefined) return snapshot ?? snapshotName;
  throw argumentError(`${word} names a snapshot, and --snapshot-name another one`);
}

/** Parses a store without a disk. */
export function parseStore(word: string): StoreAddress {
  if (isBucketUri(word)) {
    const { store, name } = parseBucketUri(word);
    if (name === '') return store;
  } else if (isStoreWord(word) && !word.includes('#')) {
    return addressOf(word);
  }
  throw argumentError(`'${word}' is not a store of objects, expected folder:PATH or s3://BUCKET`);
}

/** Parses a store, or one disk in it. */
export function parseStoreOrDisk(word: string): { readonly store: StoreAddress; readonly disk?: string } {
  const hasDisk = isBucketUri(word) ? parseBucketUri(word).name !== '' : word.includes('#');
  return hasDisk ? parseWholeDisk(word) : { store: parseStore(word) };
}

function splitFolder(word: string): { readonly store: StoreAddress | undefined; readonly name: string } {
  const place = word.lastIndexOf('#');
  if (!word.startsWith(folderScheme) || place < 0) return { store: undefined, name: '' };
  return { store: addressOf(word.slice(0, place)), name: word.slice(place + 1) };
}

function addressOf(word: string): StoreAddress {
  const path = word.slice(folderScheme.length);
  if (path === '') throw argumentError(`'${word}' has no path, expected folder:PATH`);
  return { kind: 'folder', path };
}
