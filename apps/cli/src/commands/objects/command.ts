/** The command lines of `nbd objects`. */

import { parseDisk, parseSnapshot, parseStore, parseStoreOrDisk, parseWholeDisk } from '../../objects/disk-operand.ts';
import { objectSizeOption, writerOptions } from '../../objects/options.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addGroups, optionGroup } from '../../options/option-group.ts';
import { parseSize } from '../../options/size.ts';
import * as usages from './usages.ts';

const verbose = ['-v, --verbose', 'print more about errors'] as const;
const json = ['--json', 'print JSON'] as const;

/** The family of commands, which does nothing by itself. */
export function declareObjects(context: CommandContext) {
  return beginCommand(context, 'objects', 'look after disks in a store of objects', usages.family);
}

export type CreateOptions = OptionsOf<typeof declareCreate>;
export function declareCreate(context: CommandContext) {
  const command = beginCommand(
    context,
    'create',
    'make a disk; a folder becomes a store if it is empty or not there',
    usages.create,
  )
    .argument('<disk>', 'folder:PATH#DISK or s3://BUCKET/DISK', parseWholeDisk)
    .argument('<size>', 'such as 10G', (text: string) => parseSize(text, 'the size'));
  return addGroups(command, objectSizeOption()).option(...verbose);
}

export type ListOptions = OptionsOf<typeof declareList>;
export function declareList(context: CommandContext) {
  return beginCommand(context, 'list', 'show all disks of a store', usages.list)
    .argument('<store>', 'folder:PATH or s3://BUCKET', parseStore)
    .option(...json)
    .option(...verbose);
}

export type InfoOptions = OptionsOf<typeof declareDiskInfo>;
export function declareDiskInfo(context: CommandContext) {
  return beginCommand(
    context,
    'info',
    'show what a disk is like: its size, writer, snapshots, and how much is stored',
    usages.info,
  )
    .argument('<disk>', 'folder:PATH#DISK, with @SNAPSHOT for how much that has', parseDisk)
    .option(...json)
    .option(...verbose);
}

export type SnapshotOptions = OptionsOf<typeof declareSnapshot>;
export function declareSnapshot(context: CommandContext) {
  return beginCommand(
    context,
    'snapshot',
    'keep the state of a disk that was flushed last, also while it is served',
    usages.snapshot,
  )
    .argument('<snapshot>', 'folder:PATH#DISK@SNAPSHOT', parseSnapshot)
    .option(...verbose);
}

export type CloneOptions = OptionsOf<typeof declareClone>;
export function declareClone(context: CommandContext) {
  return beginCommand(context, 'clone', 'make a disk of a snapshot, which shares all its objects', usages.clone)
    .argument('<snapshot>', 'folder:PATH#DISK@SNAPSHOT', parseSnapshot)
    .argument('<disk>', 'the new disk in the same store: DISK, or folder:PATH#DISK')
    .option(...verbose);
}

export type DeleteOptions = OptionsOf<typeof declareDelete>;
export function declareDelete(context: CommandContext) {
  return addGroups(
    beginCommand(
      context,
      'delete',
      'delete a disk with its snapshots, or one snapshot; clones stay',
      usages.deletion,
    ).argument('<disk>', 'folder:PATH#DISK, or folder:PATH#DISK@SNAPSHOT', parseDisk),
    consentOptions(),
  )
    .option('-f, --force', 'even while a clone is being made')
    .option(...verbose);
}

export type ResizeOptions = OptionsOf<typeof declareResize>;
export function declareResize(context: CommandContext) {
  const command = beginCommand(context, 'resize', 'give a disk that is not served another size', usages.resize)
    .argument('<disk>', 'folder:PATH#DISK or s3://BUCKET/DISK', parseWholeDisk)
    .argument('<size>', 'such as 10G', (text: string) => parseSize(text, 'the size'))
    .option('--shrink', 'make it shorter: what lies behind its new end is lost');
  return addGroups(command, writerOptions()).option(...verbose);
}

export type GcOptions = OptionsOf<typeof declareGc>;
export function declareGc(context: CommandContext) {
  return addGroups(
    beginCommand(
      context,
      'gc',
      'remove objects that no disk and no snapshot needs, also while disks are served',
      usages.gc,
    )
      .argument('<store>', 'folder:PATH or s3://BUCKET', parseStore)
      .option('-n, --dry-run', 'remove nothing, and only count'),
    consentOptions(),
  )
    .option(...json)
    .option('-q, --quiet', 'show no progress')
    .option(...verbose);
}

export type FsckOptions = OptionsOf<typeof declareFsck>;
export function declareFsck(context: CommandContext) {
  return beginCommand(context, 'fsck', 'look for objects that are missing or damaged', usages.fsck)
    .argument('<store>', 'folder:PATH, or folder:PATH#DISK for one disk', parseStoreOrDisk)
    .option('--data', 'read all objects, and compare their checksums')
    .option('--repair', 'remove the marks of clones that are finished')
    .option(...json)
    .option('-q, --quiet', 'show no progress')
    .option(...verbose);
}

/** Of commands that remove something. */
function consentOptions() {
  return optionGroup().option('-y, --yes', 'do not ask');
}
