/** A disk as a qcow2 image, written in one go: what is zero, or as below, is left out, and the rest may be compressed. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, ReadAhead, type SettingsOf } from '@nbdjs/kit';
import type { Codecs, Deflate } from '../../codecs/codecs.ts';
import { ImageFile } from '../../device/image-file.ts';
import { WritableFile } from '../../device/writable-file.ts';
import { unsupportedImage } from '../../image-errors.ts';
import { encodeQcow2Header } from '../header.ts';
import { emptyFile } from './create-qcow2.ts';
import { changedClusters, type DiskCluster } from './disk-clusters.ts';
import { headerOf, imageShapeOptions, judgeShape, type ShapeSettings } from './image-shape.ts';
import { NewImage } from './new-image.ts';

const {
  size: _size,
  dataFile: _dataFile,
  rawDataFile: _rawDataFile,
  lazyRefcounts: _lazyRefcounts,
  ...shapeDefinitions
} = imageShapeOptions.definitions;

export const writeQcow2Options = defineOptions({
  ...shapeDefinitions,
  /** Clusters are compressed where that makes them smaller. @default false */
  compress: option.boolean({ default: false, doc: 'Clusters are compressed where that makes them smaller.' }),
  /** What compresses. Needed with `compress`. */
  codecs: option.object<Codecs>({ defaultText: 'none', doc: 'What compresses. Needed with `compress`.' }),
  /** How hard it tries, as the algorithm counts. @default the algorithm's own */
  level: option.count({
    defaultText: "the algorithm's own",
    doc: 'How hard it tries to compress, as the algorithm counts.',
  }),
  /**
   * The disk that the image below has: only what differs from it is written. It stays open.
   *
   * @default what the disk has, whatever there is below
   */
  below: option.object<BlockDevice>({
    defaultText: 'what the disk has, whatever there is below',
    doc: 'The disk that the image below has: only what differs from it is written. It stays open.',
  }),
  /** How many pieces of 1 MiB, or clusters where these are longer, are read and compressed at the same time. @default 8 */
  parallel: option.count({
    default: 8,
    least: 1,
    most: 256,
    doc: 'How many pieces of 1 MiB, or clusters where these are longer, are read and compressed at the same time.',
  }),
  /** Waits until the image is on stable storage, and the header is not there before the rest. @default true */
  flush: option.boolean({
    default: true,
    doc: 'Waits until the image is on stable storage, and the header is not there before the rest.',
  }),
  /** Ends the writing when it is aborted; the file is no image then. */
  signal: option.signal({ doc: 'Ends the writing when it is aborted; the file is no image then.' }),
});

/** How a disk is written as a qcow2 image. */
export interface WriteQcow2Options extends OptionsOf<typeof writeQcow2Options>, Abortable {}

/**
 * Writes a disk as a qcow2 image. What the disk's map knows to be zero is not read, and zeroes are not stored. The disk must not change meanwhile.
 * The header comes last: until then, and when it fails, the file is no image.
 *
 * @param disk what is written; it stays open. Its size is rounded up to 512 bytes
 * @param file the device that will hold the image; what was in it is lost. It stays open, and has the length of the image in the end, where it can be
 *   resized
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or wrong, and for options that do not go together; `ERR_NBD_NOT_SUPPORTED`
 *   when `codecs` cannot compress so, or the file has blocks and clusters are to be compressed; CommandError `ENOSPC` when the file is too
 *   short; and what reading and writing throw.
 */
export async function writeQcow2(disk: BlockDevice, file: BlockDevice, options: WriteQcow2Options = {}): Promise<void> {
  const settings = writeQcow2Options.resolve('writeQcow2', options);
  const source = new ImageFile(disk);
  const size = Math.ceil(source.size / 512) * 512;
  const shape: ShapeSettings = { ...settings, size, dataFile: undefined, rawDataFile: false, lazyRefcounts: false };
  judgeShape('writeQcow2', shape);
  if (settings.below !== undefined && settings.backing === undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'writeQcow2: below is what an image below has, and backing names none');
  }
  if (file.abilities.readOnly)
    throw new UsageError('ERR_NBD_READ_ONLY', 'the file for the image is open for reading only');
  const bytes = new WritableFile(file);
  const deflate = settings.compress ? deflateOf(settings) : undefined;
  if (deflate !== undefined && bytes.blockBytes > 1) {
    throw unsupportedImage(
      `compressed clusters cannot be written to a device with blocks of ${bytes.blockBytes} bytes`,
    );
  }
  // What does not fit the header is known before anything is lost.
  encodeQcow2Header(headerOf(shape, { tableFirst: 1, tableCount: 1, l1First: 1 }));
  await emptyFile(file, settings);
  const image = new NewImage(bytes, shape);
  await image.begin();
  await writeClusters(source, image, deflate, settings);
  await image.end(settings.flush);
}

async function writeClusters(
  source: ImageFile,
  image: NewImage,
  deflate: Deflate | undefined,
  settings: SettingsOf<typeof writeQcow2Options>,
): Promise<void> {
  const { clusterBytes, below, level, signal, parallel } = settings;
  const belowFile = below && new ImageFile(below);
  const batches = changedClusters({
    source,
    below: belowFile,
    hasBacking: settings.backing !== undefined,
    clusterBytes,
    signal,
  });
  const work = new ReadAhead<readonly PackedCluster[]>(parallel, async () => {
    const batch = await batches.next();
    if (batch.done === true) return undefined;
    return { result: batch.value().then((clusters) => packAll(clusters, deflate, level)) };
  });
  try {
    for (let clusters = await work.next(); clusters !== undefined; clusters = await work.next()) {
      signal?.throwIfAborted();
      for (const { index, bytes, packed } of clusters) {
        if (bytes === undefined) await image.addZero(index);
        else if (packed === undefined) await image.addData(index, bytes);
        else await image.addPacked(index, packed);
      }
    }
  } finally {
    await work.settled();
    await batches.return(undefined);
  }
}

interface PackedCluster extends DiskCluster {
  /** In compressed form, if that is shorter. */
  readonly packed: Uint8Array | undefined;
}

function packAll(
  clusters: readonly DiskCluster[],
  deflate: Deflate | undefined,
  level: number | undefined,
): Promise<readonly PackedCluster[]> {
  return Promise.all(
    clusters.map(async ({ index, bytes }) => {
      if (bytes === undefined || deflate === undefined) return { index, bytes, packed: undefined };
      const packed = await deflate(bytes, level);
      return { index, bytes, packed: packed.length < bytes.length ? packed : undefined };
    }),
  );
}

function deflateOf({ codecs, compression }: SettingsOf<typeof writeQcow2Options>): Deflate {
  const deflate = compression === 'zstd' ? codecs?.zstdCompress : codecs?.deflateRaw4k;
  if (deflate !== undefined) return deflate;
  throw unsupportedImage(`the codecs cannot compress with ${compression} as qcow2 needs it`);
}
