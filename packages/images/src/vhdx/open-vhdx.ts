/** Opening a VHDX: fixed, dynamic or differencing. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { ImageFile } from '../device/image-file.ts';
import { MappedDevice } from '../device/mapped-device.ts';
import { noFacts, type PlainOpeningOptions, plainOpeningOptions, References } from '../device/opening.ts';
import { DeviceMap } from '../device/parent-map.ts';
import type { RunMap } from '../device/run.ts';
import { damagedImage } from '../image-errors.ts';
import type { ImageDevice } from '../image-facts.ts';
import { chunkRatio, VhdxBlockMap } from './block-map.ts';
import { readHeaders, type VhdxHeader } from './headers.ts';
import { replayLog } from './log.ts';
import { readMetadata, type VhdxMetadata } from './metadata.ts';
import { type Region, readRegions } from './region-table.ts';

/** How a VHDX is opened. */
export interface VhdxOptions extends PlainOpeningOptions {}

/**
 * Opens a VHDX for reading. A log that was left by a crash is replayed in memory, and the file stays as it is. The parent of a
 * differencing disk comes by `resolve`, as a disk.
 *
 * Closing the device closes `file` and the parent. When opening fails, `file` stays open.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is damaged or no VHDX; `ERR_NBD_NOT_SUPPORTED` for what cannot be read here, or has a parent
 *   without `resolve`.
 */
export async function openVhdx(file: BlockDevice, options: VhdxOptions = {}): Promise<ImageDevice> {
  const settings = plainOpeningOptions.resolve('openVhdx', options);
  const references = new References(settings);
  return references.during(async () => {
    const { signal, cacheBytes } = settings;
    const raw = new ImageFile(file);
    const header = await readHeaders(raw, signal);
    const whole = await replayLog(raw, header, signal);
    const regions = await readRegions(whole, signal);
    const metadata = await readMetadata(whole, regions.metadata, signal);
    requireTable(regions.bat, metadata);
    const parent = metadata.parent && (await openParent(metadata.parent, references));
    return new MappedDevice({
      map: new VhdxBlockMap(whole, regions.bat, metadata, parent, cacheBytes),
      preferredBytes: 2 ** 20,
      image: factsOf(header, metadata),
      owned: [file, ...references.opened],
    });
  });
}

function requireTable({ length }: Region, metadata: VhdxMetadata): void {
  const blocks = Math.ceil(metadata.virtualBytes / metadata.blockBytes);
  const ratio = chunkRatio(metadata);
  const entries =
    metadata.parent === undefined
      ? blocks + Math.floor(Math.max(0, blocks - 1) / ratio)
      : Math.ceil(blocks / ratio) * (ratio + 1);
  if (entries * 8 > length) throw damagedImage('the BAT', `it has ${length} bytes, expected ${entries * 8} or more`);
}

/** Names of a parent, the best one first. */
function parentNames(locator: ReadonlyMap<string, string>): readonly string[] {
  const keys = ['relative_path', 'absolute_win32_path', 'volume_path'];
  return keys.map((key) => locator.get(key) ?? '').filter((name) => name !== '');
}

async function openParent(locator: ReadonlyMap<string, string>, references: References): Promise<RunMap> {
  const [name] = parentNames(locator);
  if (name === undefined) throw damagedImage("the parent's locator", 'it has no path');
  const parent: BlockDevice & Partial<ImageDevice> = await references.open('backing', name, 'vhdx');
  const known = parent.image?.format === 'vhdx' ? parent.image.details['data write id'] : undefined;
  const linkages = [locator.get('parent_linkage'), locator.get('parent_linkage2')];
  const expected = linkages.filter((one) => one !== undefined).map((one) => one.replace(/[{}]/g, '').toUpperCase());
  if (typeof known === 'string' && expected.length > 0 && !expected.includes(known)) {
    const message = `its data write id is ${known}, expected ${expected.join(' or ')}: it was changed`;
    throw damagedImage(`the parent '${name}'`, message);
  }
  return new DeviceMap(parent);
}

function factsOf(header: VhdxHeader, metadata: VhdxMetadata) {
  const [name] = metadata.parent === undefined ? [] : parentNames(metadata.parent);
  const kind = metadata.isFixed ? 'fixed' : 'dynamic';
  return {
    ...noFacts,
    format: 'vhdx',
    version: metadata.parent === undefined ? kind : 'differencing',
    virtualBytes: BigInt(metadata.virtualBytes),
    clusterBytes: metadata.blockBytes,
    backing: name === undefined ? undefined : { name, format: 'vhdx' },
    flags: header.logId === undefined ? [] : ['log replayed in memory'],
    details: {
      ...(metadata.id === undefined ? {} : { id: metadata.id }),
      'data write id': header.dataWriteId,
      'logical sector bytes': metadata.logicalSectorBytes,
      ...(metadata.physicalSectorBytes === undefined ? {} : { 'physical sector bytes': metadata.physicalSectorBytes }),
      creator: header.creator.trim(),
    },
  };
}
