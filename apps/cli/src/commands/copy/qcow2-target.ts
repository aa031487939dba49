/** A destination of `nbd copy` that is a qcow2 image. */
import { chmod, rename, unlink } from 'node:fs/promises';
import type { BlockDevice } from '@nbdjs/interfaces';
import { openFileDevice } from '@nbdjs/storage/file';
import { describeBacking } from '../../images/describe-backing.ts';
import { loadImages } from '../../images/load.ts';
import { type NewImageOptions, shapeOf } from '../../images/new-image-options.ts';
import type { Terminal } from '../../terminal.ts';
import { partPlace, WatchedDevice } from './image-target.ts';
import type { DeviceSide, ImageTarget, ImageWriting } from './side.ts';

/** What the image is like. */
export interface Qcow2TargetOptions extends NewImageOptions {
  readonly compress?: 'deflate' | 'zstd' | undefined;
  readonly backing?: string | undefined;
  readonly backingFormat?: string | undefined;
}

/** An image that is complete when it gets its name. */
export function qcow2Target(
  path: string,
  from: DeviceSide,
  options: Qcow2TargetOptions,
  terminal: Terminal,
): ImageTarget {
  const write = async (disk: BlockDevice, writing: ImageWriting): Promise<undefined> => {
    const { part, place, mode } = await partPlace(path, from);
    try {
      await writePart(part, place, disk, writing, options, terminal);
      if (mode !== 0o666) await chmod(part, mode);
      await rename(part, place);
    } catch (error) {
      await unlink(part).catch(() => {});
      throw error;
    }
  };
  return { type: 'image', format: 'qcow2', name: path, write };
}

async function writePart(
  part: string,
  place: string,
  disk: BlockDevice,
  { flush, signal, progress }: ImageWriting,
  options: Qcow2TargetOptions,
  terminal: Terminal,
): Promise<void> {
  const { writeDisk } = await loadImages();
  const { compress, backing: name } = options;
  const backing = name === undefined ? undefined : await describeBacking(place, name, options, terminal);
  const file = await openFileDevice(part, { create: true, size: 0 });
  try {
    await writeDisk(new WatchedDevice(disk, progress), file, {
      ...shapeOf(options),
      ...(compress === undefined ? {} : { compress: true, compression: compress }),
      ...(backing === undefined ? {} : { backing: name, backingFormat: backing.format, below: backing.device }),
      flush,
      signal,
    });
    progress.update({ doneBytes: disk.geometry.size, totalBytes: disk.geometry.size });
  } finally {
    await file.close();
    await backing?.device.close();
  }
}
