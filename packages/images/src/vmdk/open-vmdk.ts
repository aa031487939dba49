/** Opening a VMDK: its descriptor, its extents, and its parent. */
import type { Abortable, BlockDevice } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf } from '@nbdjs/kit';
import { ImageFile } from '../device/image-file.ts';
import { MappedDevice } from '../device/mapped-device.ts';
import { codecsOption, noFacts, openingOptions, References } from '../device/opening.ts';
import { DeviceMap, mapFrom } from '../device/parent-map.ts';
import { holeRun, type Run, type RunMap } from '../device/run.ts';
import { damagedImage } from '../image-errors.ts';
import type { ImageDevice } from '../image-facts.ts';
import {
  type Descriptor,
  decodeDescriptor,
  descriptorBytesMax,
  type ExtentLine,
  looksLikeDescriptor,
} from './descriptor.ts';
import { readSparseHeader, SparseExtent } from './sparse-extent.ts';
import { type SparseHeader, sectorBytes, sparseMagic } from './sparse-header.ts';

export const vmdkOptions = defineOptions({
  ...openingOptions,
  /** How compressed grains are inflated. @default none: images with compressed parts are refused */
  codecs: codecsOption,
});

/** How a VMDK is opened. */
export interface VmdkOptions extends OptionsOf<typeof vmdkOptions>, Abortable {}

type Settings = ReturnType<typeof vmdkOptions.resolve>;

/** Enough to tell what a file is. */
const probeBytes = 1024;

/**
 * Opens a VMDK for reading: a sparse one (also stream-optimised), or a descriptor whose extents are other files, flat or sparse. Extents
 * and the parent come by `resolve`; the names come from the image, so that it decides what may be opened. The extents' bytes are wanted as they
 * are (`raw`), the parent's as its disk.
 *
 * Closing the device closes `file`, the extents and the parent. When opening fails, `file` stays open.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is damaged or no VMDK; `ERR_NBD_NOT_SUPPORTED` for what cannot be read here, or refers to other files
 *   without `resolve`.
 */
export async function openVmdk(file: BlockDevice, options: VmdkOptions = {}): Promise<ImageDevice> {
  const settings = vmdkOptions.resolve('openVmdk', options);
  const references = new References(settings);
  return references.during(async () => {
    const image = new ImageFile(file);
    const start = new Uint8Array(Math.min(probeBytes, image.size));
    await image.read(0, start, settings.signal);
    const isSparse = start.length >= 4 && new DataView(start.buffer).getUint32(0, true) === sparseMagic;
    if (!isSparse && !looksLikeDescriptor(start)) throw damagedImage('the start of the file', 'it is no VMDK');
    const found = isSparse
      ? await openSparse(image, references, settings)
      : await openDescriptor(image, references, settings);
    return new MappedDevice({ ...found, owned: [file, ...references.opened] });
  });
}

type Opened = Omit<ConstructorParameters<typeof MappedDevice>[0], 'owned'>;

/** The file is the one extent, with the descriptor in it; a piece of a disk has none, and is opened as it is. */
async function openSparse(file: ImageFile, references: References, settings: Settings): Promise<Opened> {
  const header = await readSparseHeader(file, settings.codecs, settings.signal);
  const descriptor = await embeddedDescriptor(file, header, settings.signal);
  const parent = descriptor && (await openParent(descriptor, references));
  const extent = new SparseExtent(file, header, { ...settings, below: parent });
  const clusterBytes = header.grainSectors * sectorBytes;
  return {
    map: extent,
    preferredBytes: clusterBytes,
    image: {
      ...factsOf(descriptor, header.capacity * sectorBytes),
      version: descriptor?.createType ?? 'extent',
      clusterBytes,
      compression: header.compression === 0 ? undefined : 'deflate',
      flags: header.isUnclean ? ['unclean shutdown'] : [],
    },
  };
}

async function embeddedDescriptor(
  file: ImageFile,
  { descriptorSector, descriptorSectors }: SparseHeader,
  signal: AbortSignal | undefined,
): Promise<Descriptor | undefined> {
  if (descriptorSector === 0 || descriptorSectors === 0) return undefined;
  const place = descriptorSector * sectorBytes;
  const length = Math.min(descriptorSectors * sectorBytes, descriptorBytesMax, file.size - place);
  if (length <= 0) throw damagedImage('the descriptor', `it is at byte ${place}, and the file ends at ${file.size}`);
  const bytes = new Uint8Array(length);
  await file.read(place, bytes, signal);
  return decodeDescriptor(bytes);
}

async function openDescriptor(file: ImageFile, references: References, settings: Settings): Promise<Opened> {
  if (file.size > descriptorBytesMax) {
    throw damagedImage('the descriptor', `it has ${file.size} bytes, expected ${descriptorBytesMax} or fewer`);
  }
  const bytes = new Uint8Array(file.size);
  await file.read(0, bytes, settings.signal);
  const descriptor = decodeDescriptor(bytes);
  if (descriptor.extents.length === 0) throw damagedImage('the descriptor', 'it has no extent');
  const parent = await openParent(descriptor, references);
  const joined = new JoinedExtents();
  let clusterBytes: number | undefined;
  for (const [index, line] of descriptor.extents.entries()) {
    const below = parent && mapFrom(parent, joined.length);
    const cacheBytes = Math.max(65_536, Math.floor(settings.cacheBytes / descriptor.extents.length));
    const extent = await openExtent(line, index, below, references, { ...settings, cacheBytes });
    if (extent instanceof SparseExtent) clusterBytes ??= extent.header.grainSectors * sectorBytes;
    joined.add(extent, line.length);
  }
  const names = descriptor.extents.filter(({ kind }) => kind !== 'zero').map(({ name }) => ({ name, format: 'raw' }));
  return {
    map: joined,
    preferredBytes: clusterBytes ?? 65_536,
    image: {
      ...factsOf(descriptor, joined.length),
      version: descriptor.createType,
      clusterBytes,
      dataFiles: names,
    },
  };
}

async function openExtent(
  line: ExtentLine,
  index: number,
  below: RunMap | undefined,
  references: References,
  settings: Settings,
): Promise<RunMap> {
  if (line.kind === 'zero') return below ?? { locate: (_offset, length) => holeRun(length) };
  const place = `extent ${index + 1} ('${line.name}')`;
  const device = await references.open('extent', line.name, 'raw');
  if (line.kind === 'flat') {
    const map = new DeviceMap(device, line.offset);
    if (map.length < line.length) {
      throw damagedImage(
        place,
        `${line.length} bytes from ${line.offset} on, and its file has ${device.geometry.size}`,
      );
    }
    return map;
  }
  const file = new ImageFile(device);
  const header = await readSparseHeader(file, settings.codecs, settings.signal);
  if (header.capacity * sectorBytes < line.length) {
    throw damagedImage(place, `it has ${header.capacity} sectors, expected ${line.length / sectorBytes}`);
  }
  return new SparseExtent(file, header, { ...settings, below });
}

async function openParent(descriptor: Descriptor, references: References): Promise<RunMap | undefined> {
  const { parentContentId, parentName } = descriptor;
  if (parentContentId === undefined) return undefined;
  if (parentName === undefined) throw damagedImage('the descriptor', 'it has a parentCID, and no parentFileNameHint');
  const parent: BlockDevice & Partial<ImageDevice> = await references.open('backing', parentName, 'vmdk');
  const known = parent.image?.format === 'vmdk' ? parent.image.details['content id'] : undefined;
  const expected = idInWords(parentContentId);
  if (known !== undefined && known !== expected) {
    throw damagedImage(
      `the parent '${parentName}'`,
      `its content id is ${known}, expected ${expected}: it was changed`,
    );
  }
  return new DeviceMap(parent);
}

function factsOf(descriptor: Descriptor | undefined, bytes: number) {
  const hasParent = descriptor?.parentContentId !== undefined;
  return {
    ...noFacts,
    format: 'vmdk',
    virtualBytes: BigInt(bytes),
    backing: hasParent ? { name: descriptor.parentName ?? '', format: 'vmdk' } : undefined,
    details: descriptor === undefined ? {} : { 'content id': idInWords(descriptor.contentId) },
  };
}

function idInWords(id: number): string {
  return id.toString(16).padStart(8, '0');
}

/** Extents one behind the other. */
class JoinedExtents implements RunMap {
  readonly #extents: { readonly start: number; readonly end: number; readonly map: RunMap }[] = [];
  #last = 0;

  get length(): number {
    return this.#extents.at(-1)?.end ?? 0;
  }

  add(map: RunMap, length: number): void {
    const start = this.length;
    if (!Number.isSafeInteger(start + length))
      throw damagedImage('the descriptor', 'its extents have 2^53 bytes or more');
    if (length > 0) this.#extents.push({ start, end: start + length, map });
  }

  locate(offset: number, length: number): Run | Promise<Run> {
    const extent = this.#find(offset);
    return extent.map.locate(offset - extent.start, Math.min(length, extent.end - offset));
  }

  /** Mostly it is the one of the last time. */
  #find(offset: number): { readonly start: number; readonly end: number; readonly map: RunMap } {
    let low = 0;
    let high = this.#extents.length - 1;
    let index = this.#last;
    for (;;) {
      const extent = this.#extents[index];
      if (extent === undefined) throw new RangeError(`no extent has byte ${offset}`);
      if (offset < extent.start) high = index - 1;
      else if (offset >= extent.end) low = index + 1;
      else {
        this.#last = index;
        return extent;
      }
      index = (low + high) >> 1;
    }
  }
}
