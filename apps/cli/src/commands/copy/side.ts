/** One side of a copy: a device, or a stream of bytes. */
import type { Stats } from 'node:fs';
import type { CopyReport, ReadingOptions } from '@nbdjs/copy';
import type { BlockDevice } from '@nbdjs/interfaces';
import type { Progress } from '../../render/progress.ts';
import type { ByteSource, ByteTarget } from './byte-streams.ts';
import type { ImageFormat } from './destination-format.ts';

export interface DeviceSide {
  readonly type: 'device';
  readonly device: BlockDevice;
  /** The operand as it was written. */
  readonly name: string;
  /** Of a file: how it became the device, such as `qcow2` and `partition 2`. */
  readonly steps?: readonly string[] | undefined;
  /** It reads as zeroes throughout. */
  readonly isZero: boolean;
  /** Of a server: sets the number of connections. */
  readonly setConnections?: ((connections: number) => void) | undefined;
  /** Of a file. */
  readonly stats?: Stats | undefined;
  /** Of an image: of the other files that it refers to. */
  readonly otherStats?: readonly Stats[] | undefined;
  /** Of a file, or a new disk, that a stream is copied to: gives it a new size, in bytes. */
  readonly grow?: ((size: bigint) => Promise<void>) | undefined;
  /** Of a target that grows by more than is needed: gives it the size of what was copied, in bytes. */
  readonly settleSize?: ((size: bigint) => Promise<void>) | undefined;
  /** Of a server: returns how many connections have been used. */
  readonly connections?: (() => number) | undefined;
}

export interface StreamSource {
  readonly type: 'stream';
  readonly source: ByteSource;
}

interface StreamTarget {
  readonly type: 'stream';
  readonly target: ByteTarget;
}

/** An image that is made anew. */
export interface ImageTarget {
  readonly type: 'image';
  readonly format: ImageFormat;
  /** The path, or `-`. */
  readonly name: string;
  /**
   * Writes an image of a disk. An image that is not complete is of no use, so that a file gets its name at the end. Returns what was done, where that is
   * known.
   */
  readonly write: (source: BlockDevice, writing: ImageWriting) => Promise<CopyReport | undefined>;
  /** Of what is no image of a disk: returns where the source differs from what was written, if anywhere. */
  readonly differsAt?: (source: BlockDevice, reading: ReadingOptions) => Promise<bigint | undefined>;
}

/** How an image is written. */
export interface ImageWriting {
  readonly flush: boolean;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** How the source is read, as far as the options say. */
  readonly reading: ReadingOptions & {
    readonly sparseSize?: number | undefined;
    readonly changed?: string | undefined;
  };
}

/** Takes the bytes of an image. */
export interface ImageFile {
  write(chunk: Uint8Array): Promise<void>;
  /** All is written. */
  end(flush: boolean): Promise<void>;
  /** It failed: what was written is removed where that is possible. */
  abandon(): Promise<void>;
}

export type SourceSide = DeviceSide | StreamSource;
export type TargetSide = DeviceSide | StreamTarget | ImageTarget;

/** How many connections to each side were used. */
export interface UsedConnections {
  readonly source: number;
  readonly destination: number;
}
