/** Opening a VHD: fixed, dynamic or differencing. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { ImageFile, readStructure } from '../device/image-file.ts';
import { MappedDevice } from '../device/mapped-device.ts';
import { noFacts, type PlainOpeningOptions, plainOpeningOptions, References } from '../device/opening.ts';
import { DeviceMap } from '../device/parent-map.ts';
import type { RunMap } from '../device/run.ts';
import { damagedImage } from '../image-errors.ts';
import type { ImageDevice, ImageFacts } from '../image-facts.ts';
import { VhdBlockMap } from './block-map.ts';
import { readDynamicHeader, type VhdDynamicHeader } from './dynamic-header.ts';
import { decodeFooter, footerBytes, type VhdFooter } from './footer.ts';

/** How a VHD is opened. */
export interface VhdOptions extends PlainOpeningOptions {}

/**
 * Opens a VHD for reading. The parent of a differencing disk comes by `resolve`, as a disk.
 *
 * The size is what the program that made it means: cylinders, heads and sectors for Virtual PC and for QEMU's default, bytes for others.
 * Closing the device closes `file` and the parent. When opening fails, `file` stays open.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is damaged or no VHD; `ERR_NBD_NOT_SUPPORTED` for what cannot be read here, or has a parent
 *   without `resolve`.
 */
export async function openVhd(file: BlockDevice, options: VhdOptions = {}): Promise<ImageDevice> {
  const settings = plainOpeningOptions.resolve('openVhd', options);
  const references = new References(settings);
  return references.during(async () => {
    const image = new ImageFile(file);
    const footer = await readFooter(image, settings.signal);
    const isFixed = footer.kind === 'fixed';
    const header = isFixed
      ? undefined
      : await readDynamicHeader(image, footer.headerOffset, footer.kind === 'differencing', settings.signal);
    const parent =
      header !== undefined && footer.kind === 'differencing' ? await openParent(header, references) : undefined;
    return new MappedDevice({
      map:
        header === undefined ? fixedMap(image, footer) : dynamicMap(image, footer, header, parent, settings.cacheBytes),
      image: factsOf(footer, header),
      preferredBytes: header?.blockBytes ?? 65_536,
      owned: [file, ...references.opened],
    });
  });
}

/** The footer at the end; where that is damaged, its copy at the start. */
async function readFooter(file: ImageFile, signal: AbortSignal | undefined): Promise<VhdFooter> {
  const end = file.size - (file.size % footerBytes === footerBytes - 1 ? footerBytes - 1 : footerBytes);
  if (file.size < footerBytes) throw damagedImage('the footer', `the file has ${file.size} bytes`);
  try {
    // Virtual PC before 2004 wrote footers of 511 bytes, whose last byte was a zero.
    const bytes = new Uint8Array(footerBytes);
    await file.read(end, bytes.subarray(0, file.size - end), signal);
    return decodeFooter(bytes, `the footer at byte ${end}`);
  } catch (error) {
    signal?.throwIfAborted();
    const copy = decodeCopy(await readStructure(file, 'the copy of the footer', 0, footerBytes, signal));
    // A fixed disk has no copy: what is there is the guest's.
    if (copy === undefined || copy.kind === 'fixed') throw error;
    return copy;
  }
}

function decodeCopy(bytes: Uint8Array): VhdFooter | undefined {
  try {
    return decodeFooter(bytes, 'the copy of the footer at byte 0');
  } catch {
    return undefined;
  }
}

function fixedMap(file: ImageFile, { virtualBytes }: VhdFooter): RunMap {
  if (virtualBytes > file.size) {
    throw damagedImage('the footer', `the disk has ${virtualBytes} bytes, and the file ${file.size}`);
  }
  return new DeviceMap(file.device);
}

function dynamicMap(
  file: ImageFile,
  { virtualBytes }: VhdFooter,
  header: VhdDynamicHeader,
  parent: RunMap | undefined,
  cacheBytes: number,
): RunMap {
  const covered = header.tableEntries * header.blockBytes;
  if (covered < virtualBytes) {
    throw damagedImage('the table of blocks', `it has ${covered} bytes of the disk, which has ${virtualBytes}`);
  }
  return new VhdBlockMap(file, header, parent, cacheBytes);
}

async function openParent({ parentNames, parentId }: VhdDynamicHeader, references: References): Promise<RunMap> {
  const [name] = parentNames;
  if (name === undefined) throw damagedImage('the dynamic header', 'a differencing disk without a name of its parent');
  const parent: BlockDevice & Partial<ImageDevice> = await references.open('backing', name, 'vhd');
  const known = parent.image?.format === 'vhd' ? parent.image.details.id : undefined;
  if (known !== undefined && known !== parentId) {
    throw damagedImage(`the parent '${name}'`, `its id is ${known}, expected ${parentId}: it is another disk`);
  }
  return new DeviceMap(parent);
}

function factsOf(footer: VhdFooter, header: VhdDynamicHeader | undefined): ImageFacts {
  const [parentName] = header?.parentNames ?? [];
  return {
    ...noFacts,
    format: 'vhd',
    version: footer.kind,
    virtualBytes: BigInt(footer.virtualBytes),
    clusterBytes: header?.blockBytes,
    backing: parentName === undefined ? undefined : { name: parentName, format: 'vhd' },
    flags: footer.hasSavedState ? ['saved state'] : [],
    details: { id: footer.id, creator: footer.creator.replace(/[^ -~]/g, ' ').trim() },
  };
}
