/** Options about qcow2 images that are made. */
import { Option } from '@commander-js/extra-typings';
import type { OptionsOf } from '../options/command-context.ts';
import { optionGroup } from '../options/option-group.ts';
import { count, powerOfTwo } from '../options/size.ts';

type Given = OptionsOf<typeof newImageOptions>;

/** What is given of them. */
export type NewImageOptions = { readonly [Name in keyof Given]?: Given[Name] | undefined };

export function newImageOptions() {
  return optionGroup()
    .option(
      '--cluster-size <n>',
      'the unit in which a qcow2 image allocates storage, 512 to 2M (default: 64k)',
      powerOfTwo('--cluster-size', 512, 2 ** 21),
    )
    .option('--extended-l2', 'allocate 32nds of clusters, which saves copying; clusters of 16k or more')
    .option(
      '--refcount-bits <n>',
      'bits of a refcount: 1, 2, 4, 8, 16, 32, 64 (default: 16)',
      count('--refcount-bits', 1, 64),
    )
    .addOption(
      new Option('--qcow2-version <n>', 'the version of the format (default: 3)').choices(['2', '3'] as const),
    );
}

/** The same as options of the library. */
export function shapeOf({ clusterSize, extendedL2, refcountBits, qcow2Version }: NewImageOptions) {
  return {
    ...(clusterSize === undefined ? {} : { clusterBytes: clusterSize }),
    ...(extendedL2 === undefined ? {} : { extendedL2 }),
    ...(refcountBits === undefined ? {} : { refcountBits }),
    ...(qcow2Version === undefined ? {} : { version: qcow2Version }),
  };
}
