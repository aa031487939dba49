/** Images that are written from their start to their end. */
import { nodeCodecs } from '@nbdjs/images/node';
import { writeVhdStream } from '@nbdjs/images/vhd';
import { writeVmdkStream } from '@nbdjs/images/vmdk';
import type { BlockDevice } from '@nbdjs/interfaces';

export interface WritingOptions {
  /** The name that an image has in itself. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/** Each makes the bytes of an image of a disk. Errors of reading the disk are thrown while iterating. */
export const imageWriters = {
  vmdk: (disk: BlockDevice, { name, signal }: WritingOptions) =>
    writeVmdkStream(disk, { codecs: nodeCodecs, name, signal }),
  vhd: (disk: BlockDevice, { signal }: WritingOptions) => writeVhdStream(disk, { signal }),
} as const;
