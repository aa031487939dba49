/** What the blocks of a device consist of, by metadata context. */

/** A run of bytes with one status. */
export interface Extent {
  /** First byte, from the start of the device. */
  readonly offset: bigint;
  /** Length in bytes, never 0. */
  readonly length: bigint;
  /** The context's own status word: 32 bits in compact replies, 64 in extended ones. */
  readonly status: bigint;
}

/** The extents of one metadata context, consecutive and in ascending order. */
export interface MetaContextExtents {
  /** The context's name, such as `base:allocation`. */
  readonly context: string;
  /** At least one, consecutive and in ascending order. */
  readonly extents: readonly Extent[];
}

/** The one context that every server with block status is expected to have. */
export const baseAllocation = 'base:allocation';

/** QEMU's context: 0 where nothing is stored, 1 where the top layer stores it, 2 where the layer below that does, and so on. */
export const allocationDepth = 'qemu:allocation-depth';

/** Status bits of `base:allocation` (`NBD_STATE_HOLE`, `NBD_STATE_ZERO`). Other bits are to be ignored. */
export const AllocationStatus = {
  /** No storage is allocated here; this does not define the content. */
  Hole: 1,
  /** Reads as zeroes. */
  Zero: 2,
} as const;
