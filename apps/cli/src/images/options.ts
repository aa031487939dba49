/** Options about disk images. */
import { Option } from '@commander-js/extra-typings';
import { argumentError } from '../errors/argument-error.ts';
import type { OptionsOf } from '../options/command-context.ts';
import { notEmpty } from '../options/named-files.ts';
import type { Operand } from '../options/operand.ts';
import { optionGroup } from '../options/option-group.ts';
import { formatOfWord, type GivenFormat, givenFormats } from './formats.ts';

export type ImageOptions = OptionsOf<typeof imageOptions>;

const referencesOption = [
  '--references <which>',
  "which other files an image may refer to: deny, folder (below the image's folder), all, or those below DIR (default: folder)",
  parseReferences,
] as const;

export type ChainOptions = OptionsOf<typeof chainOptions>;

/** The options of commands that change an image and its chain. */
export function chainOptions() {
  return optionGroup()
    .addOption(
      new Option('--format <format>', 'qcow2, where the name of the image does not say so').choices(['qcow2'] as const),
    )
    .option(...referencesOption);
}

/** An option for the format of files. `meaning`: of which, and what is the default. */
export function formatOption<Flags extends string>(flags: Flags, meaning: string) {
  return takingFormat(new Option(flags, meaning));
}

/** Has an option take a format. */
export function takingFormat<Flags extends string>(option: Option<Flags>) {
  return option.choices(givenFormats).argParser((word) => parseFormat(option.long ?? '', word));
}

/** `whose`: the files that the options are about. */
export function imageOptions(whose = 'the file') {
  return optionGroup()
    .addOption(formatOption('--format <format>', `the format of ${whose} (default: what name and content say)`))
    .option(
      '--snapshot-name <name>',
      'read this snapshot of a disk in a store, or inside of a qcow2 image, by its name or id',
    )
    .option('--partition <which>', 'only this partition, by its number or its name', notEmpty('--partition'))
    .option(...referencesOption);
}

/** Which files images may refer to: those below a folder (`folder`: that of the image), all or none. */
export type ReferencePolicy = 'deny' | 'folder' | 'all' | { readonly below: string };

function parseFormat(option: string, word: string): GivenFormat {
  const format = formatOfWord(word);
  if (format !== undefined) return format;
  throw argumentError(
    `${option}: '${word}' is not a format that is known here, expected one of ${givenFormats.join(', ')}`,
  );
}

/**
 * Servers have disks with partitions, and no formats.
 *
 * @throws UsageError for an option that does nothing, because no operand is a file.
 */
export function requireFiles(options: ImageOptions, operands: readonly Operand[]): void {
  if (operands.some(({ type }) => type === 'file')) return;
  const { format, snapshotName, references } = options;
  const hasDisk = operands.some(({ type }) => type === 'disk');
  const given = Object.entries({
    '--format': format,
    '--snapshot-name': hasDisk ? undefined : snapshotName,
    '--references': references,
  });
  const [idle] = given.find(([, value]) => value !== undefined) ?? [];
  if (idle !== undefined) throw argumentError(`${idle} is about files, and there is none`);
}

function parseReferences(word: string): ReferencePolicy {
  if (word === 'deny' || word === 'folder' || word === 'all') return word;
  if (word.includes('/') || word === '.' || word === '..') return { below: word };
  throw argumentError(`--references: '${word}' is not deny, folder, all or a folder (./${word})`);
}
