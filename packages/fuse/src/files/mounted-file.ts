/** What appears as files. */
import type { BlockDevice } from '@nbdjs/interfaces';

/** A device that appears as a file. It stays its owner's, who closes it after the mount has ended. */
export interface MountedFile {
  /** The file's name in the directory: no slash, and not `.` or `..`. A mount over a file does not use it. */
  readonly name: string;
  /** What is in the file. */
  readonly device: BlockDevice;
}
