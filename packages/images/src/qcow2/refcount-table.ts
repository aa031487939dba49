/** The refcount table: where the blocks of refcounts are ("Host cluster management"). */
import type { FileBytes } from '../device/image-file.ts';
import { readStructure } from '../device/image-file.ts';
import { damagedImage } from '../image-errors.ts';
import type { Qcow2Header } from './header.ts';

/** Told of an entry that makes no sense; it then counts as none. */
export type OnDamagedEntry = (place: string, message: string) => void;

/**
 * Reads the table: where each block begins, in bytes, and 0 where there is none.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is damaged, unless `onDamage` is told of single entries.
 */
export async function readRefcountTable(
  file: FileBytes,
  { refcountTableOffset, refcountTableClusters, clusterBits }: Qcow2Header,
  signal?: AbortSignal,
  onDamage?: OnDamagedEntry,
): Promise<readonly number[]> {
  const clusterBytes = 2 ** clusterBits;
  if (refcountTableOffset % BigInt(clusterBytes) !== 0n || refcountTableOffset === 0n || refcountTableClusters === 0) {
    const message = `the refcount table of ${refcountTableClusters} clusters is at byte ${refcountTableOffset}`;
    throw damagedImage('the header at byte 48', message);
  }
  const offset = Number(refcountTableOffset);
  const length = refcountTableClusters * clusterBytes;
  const bytes = await readStructure(file, 'the refcount table', offset, length, signal);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: length / 8 }, (_, index) => {
    const block = Number(view.getBigUint64(8 * index) & ~511n);
    if (block % clusterBytes === 0 && block < file.size) return block;
    const place = `the refcount table at byte ${offset + 8 * index}`;
    const message = `a block of refcounts is at byte ${block}, and the file has ${file.size} bytes`;
    if (onDamage === undefined) throw damagedImage(place, message);
    onDamage(place, message);
    return 0;
  });
}
