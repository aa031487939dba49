/** Options about disks in stores of objects. What a disk is opened with is loaded only for such disks. */
import { Option } from '@commander-js/extra-typings';
import { argumentError } from '../errors/argument-error.ts';
import type { OptionsOf } from '../options/command-context.ts';
import { optionGroup } from '../options/option-group.ts';
import { count, powerOfTwo, sizeBetween } from '../options/size.ts';

export type ServedDiskOptions = OptionsOf<typeof servedDiskOptions>;
type WriterOptions = OptionsOf<typeof writerOptions>;

/** How the destination of a copy is opened, or made. */
export interface TargetDiskOptions extends WriterOptions {
  readonly objectSize?: number | undefined;
}

const mebi = 2 ** 20;

/** How a disk is opened for writing. */
export function writerOptions() {
  return optionGroup()
    .addOption(
      new Option(
        '--take-over <when>',
        'of a disk in a store: what to do about another writer: wait until it is silent for its lease, take over now, or never (default: wait)',
      ).choices(['wait', 'now', 'never'] as const),
    )
    .option(
      '--lease <s>',
      'of a disk in a store: seconds of silence after which others may take it over (default: 30)',
      count('--lease', 1, 86_400),
    );
}

/** The options of disks that are served. */
export function servedDiskOptions() {
  const group = writerOptions()
    .option(
      '--cache-bytes <n>',
      'of a disk in a store: memory for what was read (default: 64M)',
      sizeBetween('--cache-bytes', 0, 2 ** 40),
    )
    .option('--journal <file>', 'of a disk in a store: write to this file first; it is made if it is not there')
    .option(
      '--journal-size <n>',
      'of a journal that is made (default: 1G)',
      sizeBetween('--journal-size', mebi, 2 ** 44),
    )
    .addOption(
      new Option(
        '--flush <where>',
        'of a disk with a journal: a flush is done when the store has everything, or when the journal has it (default: store)',
      ).choices(['store', 'journal'] as const),
    )
    .option('--discard-stale', 'throw away a journal whose disk others have written to since');
  return group;
}

/** The size of objects of new disks. */
export function objectSizeOption() {
  return optionGroup().option(
    '--object-size <n>',
    'size of the objects of a disk that is made: 64k to 64M (default: 4M)',
    powerOfTwo('--object-size', 2 ** 16, 2 ** 26),
  );
}

/** @throws UsageError for options of disks where there is none, and for those that need another one. */
export function requireDiskOptions(options: ServedDiskOptions, diskCount: number): void {
  const { takeOver, lease, cacheBytes, journal, journalSize, flush, discardStale } = options;
  const given = Object.entries({
    '--take-over': takeOver,
    '--lease': lease,
    '--cache-bytes': cacheBytes,
    '--journal': journal,
  }).find(([, value]) => value !== undefined)?.[0];
  if (given !== undefined && diskCount === 0) throw argumentError(`${given} is for disks in stores of objects`);
  if (journal !== undefined && diskCount > 1) {
    throw argumentError(`--journal is for one disk, and there are ${diskCount}: serve each by a process of its own`);
  }
  if (journal !== undefined) return;
  const companion = Object.entries({
    '--journal-size': journalSize,
    '--flush': flush,
    '--discard-stale': discardStale,
  }).find(([, value]) => value !== undefined)?.[0];
  if (companion !== undefined) throw argumentError(`${companion} needs --journal`);
}
