/** Opens the disk in an image of one format. */
import type { ImageDevice, ImageResolver } from '@nbdjs/images';
import { nodeCodecs } from '@nbdjs/images/node';
import { openQcow2, openWritableQcow2 } from '@nbdjs/images/qcow2';
import { openVhd } from '@nbdjs/images/vhd';
import { openVhdx } from '@nbdjs/images/vhdx';
import { openVmdk } from '@nbdjs/images/vmdk';
import type { BlockDevice } from '@nbdjs/interfaces';
import { argumentError } from '../errors/argument-error.ts';
import type { DiskFormat } from './formats.ts';
import { naming } from './named-error.ts';
import { type ReferenceScope, resolverOf } from './references.ts';

/** What a format is opened with. */
interface DiskOptions {
  readonly resolve: ImageResolver;
  readonly signal?: AbortSignal | undefined;
}

/** Each format's reader. */
const readers: Readonly<Record<DiskFormat, (file: BlockDevice, options: DiskOptions) => Promise<ImageDevice>>> = {
  qcow2: (file, options) => openQcow2(file, { ...options, codecs: nodeCodecs }),
  vmdk: (file, options) => openVmdk(file, { ...options, codecs: nodeCodecs }),
  vhd: openVhd,
  vhdx: openVhdx,
};

/**
 * Opens the disk in an image. When this fails, `file` stays open.
 *
 * @throws UsageError with the name of the image.
 */
export function openDisk(
  file: BlockDevice,
  format: DiskFormat,
  scope: ReferenceScope,
  snapshot?: string | undefined,
): Promise<ImageDevice> {
  const { name, signal } = scope;
  const options = { resolve: resolverOf(scope, openDisk), signal };
  return naming(name, async () => {
    if (scope.isWriting === true) return openWritableQcow2(file, { ...options, codecs: nodeCodecs });
    if (snapshot === undefined) return readers[format](file, options);
    if (format === 'qcow2') return openQcow2(file, { ...options, codecs: nodeCodecs, snapshot });
    throw argumentError(`--snapshot-name: snapshots inside of an image are read from qcow2, and this is ${format}`);
  });
}
