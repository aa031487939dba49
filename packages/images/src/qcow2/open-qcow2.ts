/** Opening a qcow2 image for reading. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';
import { ImageFile } from '../device/image-file.ts';
import { codecsOption, openingOptions, References } from '../device/opening.ts';
import { PageCache } from '../device/page-cache.ts';
import { damagedImage, quoted, unsupportedImage } from '../image-errors.ts';
import type { ImageDevice } from '../image-facts.ts';
import { readBitmaps } from './bitmaps.ts';
import { ClusterMap } from './cluster-map.ts';
import { qcow2Facts } from './facts.ts';
import { Incompatible } from './features.ts';
import type { Qcow2Header } from './header.ts';
import { ExtensionType, extensionText } from './header-extensions.ts';
import { judgeHeader, judgeL1 } from './judge-header.ts';
import { PackedClusters } from './packed-clusters.ts';
import { Qcow2Device } from './qcow2-device.ts';
import { readQcow2Header } from './read-header.ts';
import { findSnapshot, type Qcow2Snapshot, readSnapshots } from './snapshots.ts';

/** The options of opening for reading and for writing. */
export const clusterOptions = {
  ...openingOptions,
  /** How compressed clusters are inflated. @default none: reading a compressed cluster fails */
  codecs: codecsOption,
  /** How much of compressed clusters is kept inflated, in bytes; two clusters at least. @default 8 MiB */
  inflatedBytes: option.bytes({
    default: 8 * 2 ** 20,
    least: 0,
    doc: 'How much of compressed clusters is kept inflated; two clusters at least.',
  }),
} as const;

export const qcow2Options = defineOptions({
  ...clusterOptions,
  /** The id or the name of a snapshot inside of the image, which is read instead of the present state. */
  snapshot: option.text({
    doc: 'The id or the name of a snapshot inside of the image, which is read instead of the present state.',
  }),
});

/** What reading clusters needs of the options. */
type ClusterSettings = Pick<SettingsOf<typeof qcow2Options>, 'codecs' | 'inflatedBytes'>;

/** How a qcow2 image is opened. */
export interface Qcow2Options extends OptionsOf<typeof qcow2Options>, Abortable {}

/**
 * Opens a qcow2 image for reading, as a device that closes `file`, and what the image refers to, when it is closed. It reports
 * `base:allocation`, `qemu:allocation-depth`, and `qemu:dirty-bitmap:NAME` for each bitmap that can be used.
 *
 * Opening reads the header, the tables of snapshots and bitmaps, and nothing else; tables of clusters are read when they are needed.
 *
 * @param file the device that holds the image
 * @throws UsageError `ERR_NBD_IMAGE` when it is no qcow2 image or is damaged; `ERR_NBD_NOT_SUPPORTED` when it is encrypted, has features that
 *   are not known here, or refers to a file and there is no `resolve`; `ERR_NBD_ARGUMENT` for an option that is unknown or wrong, and for a
 *   snapshot that the image does not have. What the image refers to is closed again then, and `file` is not.
 */
export async function openQcow2(file: BlockDevice, options: Qcow2Options = {}): Promise<ImageDevice> {
  const settings = qcow2Options.resolve('openQcow2', options);
  const { signal } = settings;
  const header = await readQcow2Header(file, { signal });
  const bytes = new ImageFile(file);
  judgeHeader(header, bytes.size);
  requireCodec(header, settings);
  const snapshots = await readSnapshots(bytes, header, signal);
  const snapshot = settings.snapshot === undefined ? undefined : snapshotOf(snapshots, settings.snapshot);
  if (snapshot !== undefined)
    judgeL1(`snapshot ${quoted(snapshot.name)}`, header, { ...snapshot, fileBytes: bytes.size });
  const bitmaps = await readBitmaps(bytes, header, signal);
  const image = qcow2Facts(header, snapshots, bitmaps);
  const references = new References(settings);
  return references.during(async () => {
    const dataFile = await openDataFile(header, references);
    const { backing } = image;
    const below = backing && (await references.open('backing', backing.name, backing.format));
    const tables = new PageCache(bytes, settings.cacheBytes);
    return new Qcow2Device({
      image: snapshot === undefined ? image : { ...image, virtualBytes: snapshot.virtualBytes },
      map: clusterMap(tables, header, snapshot),
      data: dataFile === undefined ? bytes : new ImageFile(dataFile),
      packed: packedClusters(bytes, header, settings),
      backing: below && new ImageFile(below),
      bitmaps: snapshot === undefined ? bitmaps : [],
      tables,
      owned: [file, ...references.opened],
    });
  });
}

/** The tables of an image, or of a snapshot in it. */
export function clusterMap(tables: PageCache, header: Qcow2Header, snapshot?: Qcow2Snapshot): ClusterMap {
  const { l1Offset, l1Entries } = snapshot ?? header;
  return new ClusterMap({
    tables,
    clusterBits: header.clusterBits,
    l1Offset: Number(l1Offset),
    l1Entries,
    isExtended: (header.incompatible & Incompatible.ExtendedL2) !== 0n,
    hasDataFile: (header.incompatible & Incompatible.ExternalData) !== 0n,
    hasZeroFlag: header.version > 2,
  });
}

/** @throws UsageError `ERR_NBD_NOT_SUPPORTED` when the codecs that were given cannot inflate the image's clusters. */
export function requireCodec({ compression }: Qcow2Header, { codecs }: Pick<ClusterSettings, 'codecs'>): void {
  if (compression !== 'zstd' || codecs === undefined || codecs.zstdDecompress !== undefined) return;
  throw unsupportedImage('the image is compressed with zstd, and the codecs do not have it');
}

export function packedClusters(
  file: ImageFile,
  { clusterBits, compression }: Qcow2Header,
  { codecs, inflatedBytes }: ClusterSettings,
): PackedClusters {
  const inflate = compression === 'zstd' ? codecs?.zstdDecompress : codecs?.inflateRaw;
  return new PackedClusters({ file, clusterBytes: 2 ** clusterBits, compression, inflate, bytesMax: inflatedBytes });
}

/** Opens the file that has the clusters, where it is another one. */
export async function openDataFile(header: Qcow2Header, references: References): Promise<BlockDevice | undefined> {
  if ((header.incompatible & Incompatible.ExternalData) === 0n) return undefined;
  const name = extensionText(header.extensions, ExtensionType.DataFile);
  if (name === undefined)
    throw damagedImage('the header', 'the data are in another file, and no extension has its name');
  return references.open('data', name, 'raw');
}

function snapshotOf(snapshots: readonly Qcow2Snapshot[], name: string): Qcow2Snapshot {
  const found = findSnapshot(snapshots, name);
  if (found !== undefined) return found;
  const names = snapshots.slice(0, 10).map((one) => quoted(one.name));
  const has = names.length === 0 ? 'none' : names.join(', ');
  throw new UsageError('ERR_NBD_ARGUMENT', `openQcow2: the image has no snapshot ${quoted(name)}; it has ${has}`);
}
