/** What a qcow2 image says about itself. */
import type { Abortable, BlockDevice } from '@nbdjs/interfaces';
import { ImageFile } from '../device/image-file.ts';
import type { ImageFacts, ImageReferenceFacts } from '../image-facts.ts';
import { type Qcow2Bitmap, readBitmaps } from './bitmaps.ts';
import { Autoclear, Incompatible, nameFeatures } from './features.ts';
import type { Qcow2Header } from './header.ts';
import { ExtensionType, extensionText, featureNames } from './header-extensions.ts';
import { readQcow2Header } from './read-header.ts';
import { type Qcow2Snapshot, readSnapshots } from './snapshots.ts';

/**
 * Reads what an image says about itself, and opens none of the files that it refers to: also for images that cannot be opened, because they
 * are encrypted or their files are missing.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is no qcow2 image, or these parts of it are damaged.
 */
export async function readQcow2Facts(file: BlockDevice, options: Abortable = {}): Promise<ImageFacts> {
  const header = await readQcow2Header(file, options);
  const bytes = new ImageFile(file);
  const snapshots = await readSnapshots(bytes, header, options.signal);
  return qcow2Facts(header, snapshots, await readBitmaps(bytes, header, options.signal));
}

export function qcow2Facts(
  header: Qcow2Header,
  snapshots: readonly Qcow2Snapshot[],
  bitmaps: readonly Qcow2Bitmap[],
): ImageFacts {
  const { version, virtualBytes, clusterBits, compression, encryption, extensions } = header;
  const hasDataFile = (header.incompatible & Incompatible.ExternalData) !== 0n;
  const dataFile = { name: extensionText(extensions, ExtensionType.DataFile) ?? '', format: 'raw' };
  return {
    format: 'qcow2',
    version: String(version),
    virtualBytes,
    clusterBytes: 2 ** clusterBits,
    compression,
    encryption: encryption === 'none' ? undefined : encryption,
    backing: backingFacts(header),
    dataFiles: hasDataFile ? [dataFile] : [],
    snapshots: snapshots.map(({ id, name, createdMs, virtualBytes, machineStateBytes, machineTimeNs }) => ({
      id,
      name,
      createdMs,
      virtualBytes,
      machineStateBytes,
      machineTimeNs,
    })),
    bitmaps: bitmaps.map(({ name, granularityBytes, inUse, isAuto }) => ({ name, granularityBytes, inUse, isAuto })),
    flags: flagsOf(header),
    details: { 'refcount bits': 2 ** header.refcountOrder },
  };
}

function backingFacts({ backingName, extensions }: Qcow2Header): ImageReferenceFacts | undefined {
  if (backingName === undefined) return undefined;
  return { name: backingName, format: extensionText(extensions, ExtensionType.BackingFormat) };
}

function flagsOf({ incompatible, compatible, autoclear, extensions }: Qcow2Header): readonly string[] {
  const names = featureNames(extensions);
  // How clusters are compressed, and which bitmaps there are, is said by fields of their own.
  return [
    ...nameFeatures('incompatible', incompatible & ~Incompatible.CompressionType, names),
    ...nameFeatures('compatible', compatible, names),
    ...nameFeatures('autoclear', autoclear & ~Autoclear.Bitmaps, names),
  ];
}
