/** A destination of `nbd copy` that is an image, which is written from its start to its end. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename } from 'node:path';
import type { BlockDevice, Offset, ReadOptions } from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';
import { argumentError } from '../../errors/argument-error.ts';
import { systemErrorOf } from '../../errors/one-line.ts';
import { loadImages } from '../../images/load.ts';
import type { Progress } from '../../render/progress.ts';
import type { ByteTarget } from './byte-streams.ts';
import type { StreamFormat } from './destination-format.ts';
import { requireNoPartOf } from './file-sides.ts';
import type { DeviceSide, ImageFile, ImageTarget, ImageWriting } from './side.ts';

/** An image that is written from its start to its end; `openFile` opens the place where the bytes go. */
export function streamTarget(format: StreamFormat, name: string, openFile: () => Promise<ImageFile>): ImageTarget {
  return {
    type: 'image',
    format,
    name,
    write: (source, writing) => writeStream(source, format, name, openFile, writing),
  };
}

async function writeStream(
  source: BlockDevice,
  format: StreamFormat,
  name: string,
  openFile: () => Promise<ImageFile>,
  { flush, signal, progress }: ImageWriting,
): Promise<undefined> {
  const { imageWriters } = await loadImages();
  const file = await openFile();
  try {
    const watched = new WatchedDevice(source, progress);
    const chunks = imageWriters[format](watched, { name: name === '-' ? 'disk' : basename(name), signal });
    for await (const chunk of chunks) await file.write(chunk);
    await file.end(flush);
    progress.update({ doneBytes: source.geometry.size, totalBytes: source.geometry.size });
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

/** Where an image is written until it is complete. */
export interface PartPlace {
  /** A file that is not there yet. */
  readonly part: string;
  /** The name that it gets in the end, of a file that is there already perhaps. */
  readonly place: string;
  readonly mode: number;
}

/** Finds a place beside that of the image. @throws UsageError where it would replace something else than a file, or a file of the source. */
export async function partPlace(path: string, from: DeviceSide): Promise<PartPlace> {
  await requireNoPartOf(from, path);
  const stats = await stat(path).catch(() => undefined);
  if (stats !== undefined && !stats.isFile()) {
    throw argumentError(`${path} is no regular file, and an image has to be one`);
  }
  if (stats !== undefined && stats.ino === from.stats?.ino && stats.dev === from.stats.dev) {
    throw argumentError(`${path} is the source, and would be replaced`);
  }
  const place = stats === undefined ? path : await realpath(path);
  const part = `${place}.${randomUUID().slice(0, 8)}.part`;
  return { part, place, mode: stats === undefined ? 0o666 : stats.mode & 0o777 };
}

/** Makes the file of an image beside its place. @throws as `partPlace` does. */
export async function newImageFile(path: string, from: DeviceSide): Promise<ImageFile> {
  const { part, place, mode } = await partPlace(path, from);
  const handle = await open(part, 'wx', mode).catch((error: unknown) => {
    throw systemErrorOf(path, error);
  });
  return new PartFile(handle, part, place);
}

class PartFile implements ImageFile {
  readonly #handle: FileHandle;
  readonly #part: string;
  readonly #place: string;

  constructor(handle: FileHandle, part: string, place: string) {
    this.#handle = handle;
    this.#part = part;
    this.#place = place;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#naming(() => this.#handle.writeFile(chunk));
  }

  async end(flush: boolean): Promise<void> {
    await this.#naming(async () => {
      if (flush) await this.#handle.sync();
      await this.#handle.close();
      await rename(this.#part, this.#place);
    });
  }

  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => {});
    await unlink(this.#part).catch(() => {});
  }

  async #naming(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw systemErrorOf(this.#place, error);
    }
  }
}

/** An image on standard output. */
export function streamedImage(target: ByteTarget): ImageFile {
  return {
    write: (chunk) => target.write(chunk),
    end: async (flush) => {
      await target.end();
      if (flush) await target.flush?.();
    },
    abandon: async () => {},
  };
}

/** Reports how far a disk was read. */
export class WatchedDevice extends Layer {
  readonly #progress: Progress;
  #end = 0n;

  constructor(inner: BlockDevice, progress: Progress) {
    super(inner, { passes: [] });
    this.#progress = progress;
  }

  override read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    const work = super.read(offset, target, options);
    const end = BigInt(offset) + BigInt(target.length);
    if (end > this.#end) {
      this.#end = end;
      this.#progress.update({ doneBytes: end, totalBytes: this.geometry.size });
    }
    return work;
  }
}
