/** Another image below: the name and format in a header, changed so that a cut at any moment leaves the old or the new ones. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { WritableFile } from '../../device/writable-file.ts';
import { encodeQcow2Header, type Qcow2Header } from '../header.ts';
import { ExtensionType, type HeaderExtension, textExtension } from '../header-extensions.ts';
import { backingNameBytesMax } from '../limits.ts';

/** The image below, as a header names it. */
export interface BackingName {
  /** From the folder of the image on, or a whole path. */
  readonly name: string;
  /** Such as `raw` or `qcow2`. */
  readonly format: string;
}

/** A sector is stored as a whole or not at all. */
const sectorBytes = 512;
const toUtf8 = new TextEncoder();

/**
 * Writes the name of another image below into a header, or that there is none.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for a name that does not fit.
 */
export async function replaceBacking(
  device: BlockDevice,
  header: Qcow2Header,
  backing: BackingName | undefined,
): Promise<void> {
  const file = new WritableFile(device);
  const clusterBytes = 2 ** header.clusterBits;
  const old = new Uint8Array(Math.min(clusterBytes, file.size));
  await file.read(0, old);
  const name = toUtf8.encode(backing?.name ?? '');
  if (name.length > backingNameBytesMax) {
    const message = `the name of the image below has ${name.length} bytes, expected ${backingNameBytesMax} or fewer`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const next = layOut(header, backing, name, old);
  if (next.length > old.length) {
    const message = `a header of ${next.length} bytes with the name of the image below does not fit a cluster of ${clusterBytes}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const whole = old.slice();
  whole.set(next);
  const blockBytes = Math.max(sectorBytes, file.blockBytes);
  // What the old header does not use first; then the sector that says where everything is.
  if (next.length > blockBytes) {
    await file.write(blockBytes, whole.subarray(blockBytes, Math.ceil(next.length / blockBytes) * blockBytes));
    await file.flush();
  }
  await file.write(0, whole.subarray(0, Math.min(whole.length, blockBytes)));
  await file.flush();
}

/** The new header, with the name at a place where the old header has nothing that counts. */
function layOut(header: Qcow2Header, backing: BackingName | undefined, name: Uint8Array, old: Uint8Array): Uint8Array {
  const bare = (extensions: readonly HeaderExtension[]): Uint8Array =>
    encodeQcow2Header({ ...header, backingName: undefined, extensions });
  const kept = header.extensions.filter(({ type }) => type !== ExtensionType.BackingFormat);
  const all = [...(backing === undefined ? [] : [textExtension(ExtensionType.BackingFormat, backing.format)]), ...kept];
  let head = bare(all);
  const isSafe = (bytes: Uint8Array): boolean =>
    bytes.subarray(sectorBytes).every((byte, index) => byte === old[sectorBytes + index]);
  // The names of features are for messages only, and the only extension that is long.
  if (!isSafe(head)) head = bare(all.filter(({ type }) => type !== ExtensionType.FeatureNames));
  if (backing === undefined) return head;
  const at = placeOfName(head.length, name.length, header, old);
  const bytes = new Uint8Array(at + name.length);
  bytes.set(old.subarray(0, at));
  bytes.set(head);
  bytes.set(name, at);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(8, BigInt(at));
  view.setUint32(16, name.length);
  return bytes;
}

function placeOfName(headBytes: number, nameBytes: number, header: Qcow2Header, old: Uint8Array): number {
  // Within the first sector it changes together with the rest.
  if (headBytes + nameBytes <= sectorBytes) return headBytes;
  const oldHeadBytes = encodeQcow2Header({ ...header, backingName: undefined }).length;
  const view = new DataView(old.buffer, old.byteOffset, old.length);
  const oldStart = Number(view.getBigUint64(8));
  const oldEnd = oldStart + view.getUint32(16);
  const free = Math.max(headBytes, oldHeadBytes, sectorBytes);
  const at = free + nameBytes <= oldStart || free >= oldEnd ? free : oldEnd;
  // In a cluster that is full, there is one place only.
  return at + nameBytes <= old.length ? at : headBytes;
}
