/** The options of reading and applying changes: some of a copy's. */
import { defineOptions, type OptionsOf } from '@nbdjs/kit';
import { copyOptions, readingOptions } from '../options.ts';

const { sparseSize, changed, allocated, flush } = copyOptions.definitions;

/** The options of `writeChanges` as data: defaults, units, checks and texts. */
export const writeChangesOptions = defineOptions({ ...readingOptions.definitions, sparseSize, changed });

/** The options of `applyChanges` as data: defaults, units, checks and texts. */
export const applyChangesOptions = defineOptions({ ...readingOptions.definitions, sparseSize, allocated, flush });

/** How changes are read from a device. Without `changed`, all of the device is. */
export interface WriteChangesOptions extends OptionsOf<typeof writeChangesOptions> {}

/** How changes are put onto a copy. */
export interface ApplyChangesOptions extends OptionsOf<typeof applyChangesOptions> {}
