/** The options of reading and applying changes: some of a copy's. */
import { defineOptions, type OptionsOf } from '@nbdjs/kit';
import { copyOptions, readingOptions } from '../options.ts';

const { sparseSize, changed, allocated, flush } = copyOptions.definitions;

/** The options of `writeChanges` as data: defaults, units, checks and texts. */
export const writeChangesOptions = defineOptions({
  ...readingOptions.definitions,
  /** Zeroes are looked for in blocks of this many bytes, as a copy does. */
  sparseSize,
  /** The metadata context of the source that marks what has changed. @default all is copied */
  changed,
});

/** The options of `applyChanges` as data: defaults, units, checks and texts. */
export const applyChangesOptions = defineOptions({
  ...readingOptions.definitions,
  /** Zeroes are looked for in blocks of this many bytes, as a copy does. */
  sparseSize,
  /** Leave no holes in the target. @default false */
  allocated,
  /** Flush the target at the end, if it can. @default false */
  flush,
});

/** How changes are read from a device. Without `changed`, all of the device is. */
export interface WriteChangesOptions extends OptionsOf<typeof writeChangesOptions> {}

/** How changes are put onto a copy. */
export interface ApplyChangesOptions extends OptionsOf<typeof applyChangesOptions> {}
