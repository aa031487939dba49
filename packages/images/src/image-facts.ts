/** What an image says about itself, as data: for people, and for programs that decide by it. */
import type { BlockDevice } from '@nbdjs/interfaces';

/** A snapshot that is kept inside of an image. */
export interface SnapshotFacts {
  /** Unique in the image. */
  readonly id: string;
  /** Given by its maker; need not be unique. */
  readonly name: string;
  /** When it was made, in milliseconds since 1970. */
  readonly createdMs: number;
  /** The size of the disk in it, in bytes. */
  readonly virtualBytes: bigint;
  /** The size of a machine's saved state that belongs to it, in bytes; 0 when there is none. */
  readonly machineStateBytes: bigint;
  /** How long the machine had run, in nanoseconds. */
  readonly machineTimeNs: bigint;
}

/** A bitmap of changed blocks that is kept inside of an image. */
export interface BitmapFacts {
  /** Unique in the image. */
  readonly name: string;
  /** Bytes of the disk for each bit. */
  readonly granularityBytes: number;
  /** It was not stored completely: what it says must not be used. */
  readonly inUse: boolean;
  /** A writer has to go on with it. */
  readonly isAuto: boolean;
}

/** Another file that an image needs. */
export interface ImageReferenceFacts {
  /** The name as it is written in the image. */
  readonly name: string;
  /** Its format, as the image says. */
  readonly format: string | undefined;
}

/** What an image says about itself. What a format does not have is `undefined`, or empty. */
export interface ImageFacts {
  /** Such as `qcow2`, `vmdk`, `vhdx`. */
  readonly format: string;
  /** The version or the kind within the format, such as `3` or `streamOptimized`. */
  readonly version: string | undefined;
  /** The size of the disk, in bytes. */
  readonly virtualBytes: bigint;
  /** The unit in which storage is allocated, in bytes. */
  readonly clusterBytes: number | undefined;
  /** How clusters are compressed, where some are: `deflate` or `zstd`. */
  readonly compression: string | undefined;
  /** How the image is encrypted. */
  readonly encryption: string | undefined;
  /** What the image was made over. */
  readonly backing: ImageReferenceFacts | undefined;
  /** Where the data are kept, when they are outside of the image. */
  readonly dataFiles: readonly ImageReferenceFacts[];
  /** In the order of the image. */
  readonly snapshots: readonly SnapshotFacts[];
  /** In the order of the image. */
  readonly bitmaps: readonly BitmapFacts[];
  /** Features and states in words, such as `lazy refcounts`, `dirty`, `corrupt`, `extended L2`. */
  readonly flags: readonly string[];
  /** Further facts of the format, by names for people. */
  readonly details: Readonly<Record<string, string | number | bigint | boolean>>;
}

/** A disk image, opened. */
export interface ImageDevice extends BlockDevice {
  /** What the image says about itself. */
  readonly image: ImageFacts;
}
