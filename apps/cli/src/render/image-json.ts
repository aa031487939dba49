/** What is in an image, as JSON: with the keys of `qemu-img info`, and more. */
import type { BitmapFacts, ImageFacts, SnapshotFacts } from '@nbdjs/images';
import type { Partition, PartitionTable } from '@nbdjs/images/partitions';
import { oneLine } from '../errors/one-line.ts';
import type { ImageDescription } from '../images/describe-image.ts';
import { exactJson, type JsonValue } from './exact-json.ts';

type JsonObject = { readonly [key: string]: JsonValue | undefined };

export function imageJson(description: ImageDescription): string {
  const { name, format, fileBytes, storedBytes, virtualBytes, image, steps, parts, partitions, members, error } =
    description;
  const value: JsonObject = {
    filename: name,
    format,
    'virtual-size': virtualBytes,
    'actual-size': storedBytes,
    'file-size': fileBytes,
    ...(image === undefined ? {} : imageMembers(image)),
    steps: steps.length < 2 ? undefined : steps,
    'backing-chain':
      parts.length < 2
        ? undefined
        : parts.map((part) => ({
            filename: part.name,
            role: part.kind,
            format: part.format,
            'virtual-size': part.image?.virtualBytes,
          })),
    'partition-table': partitions && tableJson(partitions),
    members: members?.map((member) => ({ ...member })),
    error: error === undefined ? undefined : oneLine(error),
  };
  return `${exactJson(value)}\n`;
}

function imageMembers(image: ImageFacts): JsonObject {
  const { clusterBytes, encryption, backing, dataFiles, snapshots, flags } = image;
  return {
    'cluster-size': clusterBytes,
    encrypted: encryption === undefined ? undefined : true,
    'dirty-flag': flags.includes('dirty bit'),
    'backing-filename': backing?.name,
    'backing-filename-format': backing?.format,
    'data-files': dataFiles.length === 0 ? undefined : dataFiles.map((one) => ({ ...one })),
    snapshots: snapshots.length === 0 ? undefined : snapshots.map(snapshotJson),
    'format-specific': { type: image.format, data: specificJson(image) },
  };
}

function specificJson(image: ImageFacts): JsonObject {
  const { version, compression, encryption, flags, bitmaps, details } = image;
  const hyphenated = Object.entries(details).map(([key, value]) => [key.replaceAll(' ', '-'), value] as const);
  const common = {
    encryption,
    ...Object.fromEntries(hyphenated),
    bitmaps: bitmaps.length === 0 ? undefined : bitmaps.map(bitmapJson),
  };
  if (image.format !== 'qcow2')
    return { version, compression, flags: flags.length === 0 ? undefined : flags, ...common };
  return {
    compat: compatOf(version),
    'compression-type': compressionOf(compression),
    'lazy-refcounts': flags.includes('lazy refcounts'),
    corrupt: flags.includes('corrupt bit'),
    'extended-l2': flags.includes('extended L2 entries'),
    'data-file': image.dataFiles[0]?.name,
    'data-file-raw': image.dataFiles.length === 0 ? undefined : flags.includes('raw external data'),
    ...common,
  };
}

/** QEMU's word for the version. */
export function compatOf(version: string | undefined): string {
  return version === '2' ? '0.10' : '1.1';
}

/** QEMU's word for the compression. */
export function compressionOf(compression: string | undefined): string | undefined {
  return compression === 'deflate' ? 'zlib' : compression;
}

function snapshotJson(snapshot: SnapshotFacts): JsonObject {
  const { id, name, createdMs, virtualBytes, machineStateBytes, machineTimeNs } = snapshot;
  return {
    id,
    name,
    'vm-state-size': machineStateBytes,
    'date-sec': Math.floor(createdMs / 1000),
    'date-nsec': Math.round((createdMs % 1000) * 1e6),
    'vm-clock-sec': machineTimeNs / 1_000_000_000n,
    'vm-clock-nsec': machineTimeNs % 1_000_000_000n,
    'virtual-size': virtualBytes,
  };
}

function bitmapJson({ name, granularityBytes, inUse, isAuto }: BitmapFacts): JsonObject {
  return { name, granularity: granularityBytes, flags: bitmapFlags(inUse, isAuto) };
}

export function bitmapFlags(inUse: boolean, isAuto: boolean): readonly string[] {
  return [...(inUse ? ['in-use'] : []), ...(isAuto ? ['auto'] : [])];
}

function tableJson({ scheme, sectorBytes, id, partitions, problems }: PartitionTable): JsonObject {
  return { scheme, id, 'sector-size': sectorBytes, partitions: partitions.map(partitionJson), ...listed({ problems }) };
}

function partitionJson(partition: Partition): JsonObject {
  const { number, kind, offset, length, type, typeName, id, name, isBootable, problems } = partition;
  const bootable = isBootable ? true : undefined;
  return { number, kind, offset, length, type, 'type-name': typeName, id, name, bootable, ...listed({ problems }) };
}

function listed({ problems }: { readonly problems: readonly string[] }): JsonObject {
  return problems.length === 0 ? {} : { problems };
}
