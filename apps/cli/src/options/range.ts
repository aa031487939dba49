/** Options that choose a part of a device, with the spellings of nbddump and dd. */
import { UsageError } from '@nbdjs/interfaces';
import { alias } from './alias.ts';
import { optionGroup } from './option-group.ts';
import { size } from './size.ts';

/** The answers are `offset` and `length`, in bytes. */
export function rangeOptions() {
  return optionGroup()
    .option('-n, --length <n>', 'at most this many bytes', size('--length'))
    .option('-o, --offset <n>', 'from this byte on', size('--offset'))
    .addOption(alias('--length <n>', '--limit <n>').argParser(size('--length')))
    .addOption(alias('--offset <n>', '--skip <n>').argParser(size('--offset')));
}

/** A part of a device, in bytes. */
export interface DeviceRange {
  readonly offset: bigint;
  readonly length: bigint;
}

/** What the options choose. */
export interface RangeOptions {
  readonly offset?: bigint | undefined;
  readonly length?: bigint | undefined;
}

/**
 * Returns the part that the options choose of a device of `size` bytes; what reaches past its end is cut off.
 *
 * @throws UsageError when it begins past the end.
 */
export function rangeOf(size: bigint, { offset = 0n, length }: RangeOptions): DeviceRange {
  if (offset > size) {
    throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `--offset: ${offset} lies after the export's end at ${size}`);
  }
  const left = size - offset;
  return { offset, length: length === undefined || length > left ? left : length };
}
