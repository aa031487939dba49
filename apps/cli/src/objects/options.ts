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
  readonly quiet?: boolean | undefined;
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
    .option(
      '--local-cache <file>',
      'of a disk in a store: keep what was read and written in this file, too, also for the next start; it is made if it is not there',
    )
    .option(
      '--local-cache-size <n>',
      'of a cache that is made (default: 10G)',
      sizeBetween('--local-cache-size', mebi, 2 ** 44),
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
  const { takeOver, lease, cacheBytes, localCache, localCacheSize, journal, journalSize, flush, discardStale } =
    options;
  const given = Object.entries({
    '--take-over': takeOver,
    '--lease': lease,
    '--cache-bytes': cacheBytes,
    '--local-cache': localCache,
    '--journal': journal,
  }).find(([, value]) => value !== undefined)?.[0];
  if (given !== undefined && diskCount === 0) throw argumentError(`${given} is for disks in stores of objects`);
  const single = journal !== undefined ? '--journal' : localCache !== undefined ? '--local-cache' : undefined;
  if (single !== undefined && diskCount > 1) {
    throw argumentError(`${single} is for one disk, and there are ${diskCount}: serve each by a process of its own`);
  }
  if (localCacheSize !== undefined && localCache === undefined) {
    throw argumentError('--local-cache-size needs --local-cache');
  }
  if (journal !== undefined) return;
  const companion = Object.entries({
    '--journal-size': journalSize,
    '--flush': flush,
    '--discard-stale': discardStale,
  }).find(([, value]) => value !== undefined)?.[0];
  if (companion !== undefined) throw argumentError(`${companion} needs --journal`);
}
