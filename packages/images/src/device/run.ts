/** What a range of a disk is made of, as an image's tables say. */
import type { FileBytes } from './image-file.ts';
import type { StatusSource } from './status-source.ts';

/** One piece of a disk. `length`: in bytes, never 0. */
export type Run =
  /** Bytes of a file from `at` on. `status`: who knows about holes in it; without it, all is data. */
  | {
      readonly kind: 'stored';
      readonly file: FileBytes;
      readonly at: number;
      readonly length: number;
      readonly status?: StatusSource | undefined;
    }
  /** Zeroes. `isHole`: no place is allocated for them. */
  | { readonly kind: 'zeroes'; readonly length: number; readonly isHole: boolean }
  /** Bytes of a compressed piece, from its byte `skip` on. */
  | {
      readonly kind: 'packed';
      readonly length: number;
      readonly skip: number;
      readonly unpack: () => Promise<Uint8Array>;
    };

/** The tables of an image. */
export interface RunMap {
  /**
   * The first run of a range: `length` bytes of it at most. Long runs are better, but one table is enough.
   *
   * @throws CommandError `EIO` when the tables are damaged there.
   */
  locate(offset: number, length: number): Run | Promise<Run>;
}

const hole = (length: number): Run => ({ kind: 'zeroes', length, isHole: true });

/** A run of zeroes that are stored nowhere. */
export { hole as holeRun };
